"""The worker's loop with all default diagnostics against a plain PyTorch loop.

    python benchmarks/loop.py [RECIPE] [key=value …] [--rounds N] [--seconds S]

Both train the same model on the same batches in one process, in turns of a fraction of a second,
so that a busy machine slows both alike. Printed is the ratio of steps per second; the aim is at
least 0.97. The plain loop is what one would write by hand: batches from memory, forward, loss,
backward, optimiser, and `loss.item()` every step to have a curve. It is measured twice: with the
optimiser as torch makes it by default, and with the fused one that dltui takes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from dltui.recipe import load_recipe
from dltui.runs import Inbox, Status, create_run
from dltui.worker.control import Control
from dltui.worker.data import open_data
from dltui.worker.device import choose_device, seed_everything
from dltui.worker.optimizers import optimizer_classes
from dltui.worker.parts import Parts, build_parts
from dltui.worker.record import Heartbeat, RunRecord
from dltui.worker.training import Training


def plain_steps(recipe: Any, data: Any, parts: Parts, *, fused: bool) -> Iterator[None]:
    """A loop by hand for a classifier; one optimiser step a turn."""
    model = parts.model.train()
    kind = optimizer_classes()[recipe.optimizer.type]
    optimizer: Any = (
        parts.optimizers["optimizer"]
        if fused
        else kind(model.parameters(), lr=recipe.optimizer.lr, **recipe.optimizer.args)
    )
    losses = []
    epoch = 0
    while True:
        for batch in data.train.epoch(epoch):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch.inputs), batch.targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            yield
        epoch += 1


def our_steps(training: Training) -> Iterator[None]:
    """The steps of `Training.run`, without evaluations and checkpoints."""
    training.parts.model.train()
    epoch = 0
    while True:
        clock_s = perf_counter()
        for group in training.groups(epoch, 0):
            now_s = perf_counter()
            training.pace.waited_s += now_s - clock_s
            training.control.obey(training, now_s)
            began_s = perf_counter()
            training.train_step(group)
            training.pace.spent_s += perf_counter() - began_s + now_s - clock_s
            clock_s = perf_counter()
            yield
        epoch += 1


def steps_per_s(steps: Iterator[None], seconds: float, device: torch.device) -> float:
    """How many steps a second are taken in at least `seconds`."""
    count, began_s = 0, perf_counter()
    while perf_counter() - began_s < seconds:
        next(steps)
        count += 1
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (perf_counter() - began_s)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="vision/cnn-digits")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn")
    options = parser.parse_args()
    # The plain loop takes none of these, so neither may the other.
    overrides = [*options.overrides, "trainer.epochs=1000000"]
    recipe = load_recipe(options.recipe, overrides)
    device = choose_device(recipe.trainer.device)
    with tempfile.TemporaryDirectory() as runs:
        status = Status(recipe=options.recipe)
        resolved = recipe.resolved_yaml()
        folder = create_run(Path(runs), recipe.name, recipe.source_text, resolved, status)
        record = RunRecord(folder, status)
        seed_everything(recipe.trainer)
        data = open_data(recipe, seed=0, device=device)
        parts = build_parts(recipe, data, device)
        control = Control(Inbox(folder.inbox, record.events), record)
        training = Training(recipe, data, parts, device, record, control)
        heartbeat = Heartbeat(record.update)
        ours = our_steps(training)
        plain = plain_steps(recipe, data, build_parts(recipe, data, device), fused=False)
        fused = plain_steps(recipe, data, build_parts(recipe, data, device), fused=True)
        loops = {"plain loop": plain, "with fused": fused, "dltui": ours}
        for _ in range(50):
            for loop in loops.values():
                next(loop)
        # torchmetrics is imported in the background once, whatever the length of the run.
        if training._importing is not None:
            training._importing.join()
        heartbeat.start()
        rates: list[dict[str, float]] = []
        for number in range(options.rounds):
            # Another one comes first each time.
            names = [*loops][number % 3 :] + [*loops][: number % 3]
            rates.append({n: steps_per_s(loops[n], options.seconds, device) for n in names})
        heartbeat.stop()
        training.close()
        record.close()
    print(f"{options.recipe} on {device}, {options.rounds} turns of {options.seconds} s each")
    for name in loops:
        print(f"{name:12} {statistics.median(rate[name] for rate in rates):9.1f} steps/s")
    for name in ("plain loop", "with fused"):
        ratio = statistics.median(rate["dltui"] / rate[name] for rate in rates)
        print(f"dltui over {name:10} {ratio:9.3f}   (median of the turns)")
    share, budget = training.probes.share, recipe.diagnostics.budget
    print(f"diagnostics  {share:.2%} of the time, budget {budget:.2%}")


if __name__ == "__main__":
    main()
