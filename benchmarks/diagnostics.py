"""What the diagnostics cost: steps per second of a small CNN with them on and off.

    python benchmarks/diagnostics.py [--steps 1500] [--rounds 5] [--budget 0.01]

Both are measured in turns in one process and the medians compared. The sink writes nothing, so
that the figures are those of measuring alone.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter, process_time

import torch
from torch import nn

from dltui.recipe.schema.training import DiagnosticsSection
from dltui.worker.probes import Probes


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def train(steps: int, settings: DiagnosticsSection) -> tuple[float, float, float, int]:
    """Steps per second, and per second of CPU time (which other processes disturb less), the
    probes' own account of their share, and the frames they made.
    """
    model = small_cnn()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    x, y = torch.randn(64, 1, 8, 8), torch.randint(0, 10, (64,))
    frames: list[str] = []
    probes = Probes(model, settings, lambda group, *_: frames.append(group), "cpu")
    began_s, began_cpu_s = perf_counter(), process_time()
    for step in range(1, steps + 1):
        probes.begin(step)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        probes.gradients_ready(step)
        optimizer.step()
        probes.updated(step)
    probes.close()
    wall_s, cpu_s = perf_counter() - began_s, process_time() - began_cpu_s
    return steps / wall_s, steps / cpu_s, probes.share, len(frames)


def cost_of_an_unsampled_step_s(calls: int = 200_000) -> float:
    probes = Probes(small_cnn(), DiagnosticsSection(enabled=False), lambda *_: None, "cpu")
    began_s = perf_counter()
    for step in range(calls):
        probes.begin(step)
        probes.gradients_ready(step)
        probes.updated(step)
    return (perf_counter() - began_s) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=0.01)
    chosen = parser.parse_args()
    off = DiagnosticsSection(enabled=False)
    on = DiagnosticsSection(budget=chosen.budget)
    train(200, on)
    rounds = [(train(chosen.steps, off), train(chosen.steps, on)) for _ in range(chosen.rounds)]
    for i, unit in enumerate(("steps per second", "steps per CPU second")):
        plain, probed = (median(one[i] for one in side) for side in zip(*rounds, strict=True))
        ratio = median(with_[i] / without[i] for without, with_ in rounds)
        print(f"{unit:22} off {plain:,.0f}  on {probed:,.0f}  ratio {ratio:.4f}")
    share, frames = (median(with_[i] for _, with_ in rounds) for i in (2, 3))
    print(f"own account            {share:.2%} of a budget of {on.budget:.2%}")
    print(f"frames                 {frames:.0f} in {chosen.steps} steps")
    print(f"an unsampled step      {cost_of_an_unsampled_step_s() * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
