"""How fast checkpoints are listed, measured, compared and converted, beside torch in the same run.

    python -m benchmarks.checkpoints [--megabytes 2000] [--sparse-megabytes 10000]
        [--tensors 20000] [--shards 100] [--rounds 5] [--only listing statistics …]

Every side is a process of its own, so that start-up counts, and they run in turns. Times are the
fastest: what else the machine does only ever adds. The ratios of start-up are those in the middle
of all rounds. Exit code 1 where a budget is missed, if --strict asks for it.

(The module is not called `inspect`: a script beside it would import it for Python's own.)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

DLTUI = "import sys; sys.argv = ['dltui', *{arguments!r}]; from dltui.cli import main; main()"
TORCH_LOAD = "import torch; torch.load({path!r}, mmap=True, weights_only=True)"
WIDTH = 1024

MAKE_TRAINING = """
import sys, torch
path, megabytes, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
model, blocks = {"wte.weight": torch.randn(max(megabytes * 8, 64), width) * 0.02}, 0
def size(): return sum(t.numel() for t in model.values())
while size() * 12 < megabytes * 1e6:
    for name, shape in (
        ("ln_1.weight", (width,)), ("ln_1.bias", (width,)), ("attn.qkv.weight", (3 * width, width)),
        ("attn.qkv.bias", (3 * width,)), ("attn.proj.weight", (width, width)),
        ("attn.proj.bias", (width,)), ("ln_2.weight", (width,)), ("ln_2.bias", (width,)),
        ("mlp.fc.weight", (4 * width, width)), ("mlp.fc.bias", (4 * width,)),
        ("mlp.proj.weight", (width, 4 * width)), ("mlp.proj.bias", (width,)),
    ):
        model[f"h.{blocks}.{name}"] = torch.randn(shape) * 0.02
    blocks += 1
state = {
    i: {"step": torch.tensor(1000.0), "exp_avg": t * 1e-3, "exp_avg_sq": t.square()}
    for i, t in enumerate(model.values())
}
groups = [{"lr": 3e-4, "betas": (0.9, 0.95), "params": list(range(len(model)))}]
optimizer = {"state": state, "param_groups": groups}
torch.save({"model": model, "optimizer": optimizer, "epoch": 3, "step": 1000}, path)
"""

MAKE_MANY = """
import sys, torch
torch.save({f"layers.{i // 8}.part{i % 8}.weight": torch.zeros(4) for i in range(int(sys.argv[2]))},
           sys.argv[1])
"""

TORCH_STATISTICS = """
import sys, torch
torch.set_num_threads(int(sys.argv[2]))
def tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
edges = torch.tensor([0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999])
for t in tensors(torch.load(sys.argv[1], mmap=True, weights_only=True)):
    flat = t.reshape(-1).float()
    found = [flat.min(), flat.max(), flat.mean(), flat.std(correction=0), flat.abs().max(),
             flat.norm(), (flat == 0).sum(), (flat < 0).sum(), flat.isnan().sum(),
             flat.isinf().sum(), torch.histc(flat, 64)]
    if "percentiles" in sys.argv:
        ranked = flat.sort().values
        found.append(ranked[(edges * (len(ranked) - 1)).long()])
"""

COUNT_OPENS = """
import collections, sys
opened = collections.Counter()
def hear(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".safetensors"):
        opened[str(arguments[0])] += 1
sys.addaudithook(hear)
from pathlib import Path
from statistics import median
from dltui.inspect import open_checkpoint
found = open_checkpoint(Path(sys.argv[1]))
print(len(found.tensors), len(opened), max(opened.values()))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    wall_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Line:
    """One figure with its budget; `is_met` is None where there is none."""

    text: str
    is_met: bool | None = None


def cost(code: str, *arguments: str) -> Cost:
    """Runs `python -c code arguments` with stdout thrown away. Raises RuntimeError if it fails."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    wall_s = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"exit code {os.waitstatus_to_exitcode(status)} of {code[:200]}")
    return Cost(wall_s, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def dltui(*arguments: str | Path) -> Cost:
    """Runs a command of dltui as `dltui` itself would."""
    return cost(DLTUI.format(arguments=[str(argument) for argument in arguments]))


def in_turns(rounds: int, *sides: Callable[[], Cost]) -> list[tuple[Cost, ...]]:
    """What each side took in each round, after one that fills the file cache."""
    for side in sides:
        side()
    return [tuple(side() for side in sides) for _ in range(max(1, rounds))]


def fastest(rounds: int, *sides: Callable[[], Cost]) -> list[Cost]:
    """The fastest of each side."""
    return [min(each, key=_wall_s) for each in zip(*in_turns(rounds, *sides), strict=True)]


def _wall_s(found: Cost) -> float:
    return found.wall_s


def sparse_safetensors(path: Path, size_bytes: int, tensors: int = 500) -> None:
    """A file of zeros that takes no room on the disk."""
    each = size_bytes // tensors // 4
    header = {
        f"layers.{i}.weight": {
            "dtype": "F32",
            "shape": [each],
            "data_offsets": [i * each * 4, (i + 1) * each * 4],
        }
        for i in range(tensors)
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + each * 4 * tensors)


def listing(training: Path, rounds: int) -> list[Line]:
    """`dltui inspect FILE --json` beside `torch.load(mmap=True, weights_only=True)`."""
    taken = in_turns(
        2 * rounds,
        lambda: dltui("inspect", training, "--json"),
        lambda: cost(TORCH_LOAD.format(path=str(training))),
    )
    # A machine's clock has its slow minutes: what ran one after the other had the same.
    ratio = median(theirs.wall_s / ours.wall_s for ours, theirs in taken)
    ours, theirs = (min(each, key=_wall_s) for each in zip(*taken, strict=True))
    return [
        Line(f"listed in {ours.wall_s * 1e3:.0f} ms, torch.load {theirs.wall_s * 1e3:.0f} ms"),
        Line(f"{ratio:.1f} times as fast in the middle of all rounds (at least 30)", ratio >= 30),
        Line(
            f"peak {ours.peak_bytes / 1e6:.0f} MB (below 80), torch {theirs.peak_bytes / 1e6:.0f}",
            ours.peak_bytes < 80e6,
        ),
    ]


def sparse(folder: Path, megabytes: int, large_megabytes: int, rounds: int) -> list[Line]:
    """A file five times as large is listed in the same time."""
    small, large = folder / "small.safetensors", folder / "large.safetensors"
    sparse_safetensors(small, megabytes * 1_000_000)
    sparse_safetensors(large, large_megabytes * 1_000_000)
    of_small, of_large = fastest(
        rounds,
        lambda: dltui("inspect", small, "--json"),
        lambda: dltui("inspect", large, "--json"),
    )
    ratio = of_large.wall_s / of_small.wall_s
    text = f"{large_megabytes:,} MB in {ratio:.2f} of the time of {megabytes:,} MB (at most 1.2)"
    return [Line(text, ratio <= 1.2)]


def many(folder: Path, tensors: int, rounds: int) -> list[Line]:
    """A file of very many small tensors."""
    path = folder / "many.pt"
    cost(MAKE_MANY, str(path), str(tensors))
    ours, theirs = fastest(
        rounds,
        lambda: dltui("inspect", path, "--view", "tensors", "--json"),
        lambda: cost(TORCH_LOAD.format(path=str(path))),
    )
    ratio = theirs.wall_s / ours.wall_s
    return [
        Line(f"{tensors:,} tensors listed in {ours.wall_s:.2f} s, {ratio:.1f} times torch.load"),
        Line(f"peak {ours.peak_bytes / 1e6:.0f} MB (below 200)", ours.peak_bytes < 200e6),
    ]


def statistics(training: Path, rounds: int) -> list[Line]:
    """All values of all tensors: figures, histogram and percentiles."""
    lines = []
    ours = fastest(rounds, lambda: dltui("inspect", training, "--stats", "--json"))[0]
    size = training.stat().st_size
    lines.append(
        Line(
            f"all statistics in {ours.wall_s:.2f} s, {size / ours.wall_s / 1e9:.2f} GB/s, "
            f"peak {ours.peak_bytes / 1e6:.0f} MB"
        )
    )
    for threads, wanted in (("1", "figures"), ("2", "figures"), ("1", "percentiles")):
        theirs = cost(TORCH_STATISTICS, str(training), threads, wanted)
        ratio = theirs.wall_s / ours.wall_s
        with_or = "with" if wanted == "percentiles" else "without"
        lines.append(
            Line(
                f"{ratio:.1f} times torch with {threads} threads, {with_or} percentiles (3)",
                ratio >= 3,
            )
        )
    return lines


def shards(folder: Path, count: int) -> list[Line]:
    """How often each file of a sharded folder is opened to list it."""
    import subprocess

    home = folder / "shards"
    home.mkdir()
    names = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    for i, name in enumerate(names):
        sparse_safetensors(home / name, 4000, tensors=10)
        # Names of their own, of the same length, in place of the same ones in each shard.
        content = (home / name).read_bytes().replace(b'"layers.', f'"s{i:05d}.'.encode())
        text = content[8 : content.rindex(b"}}") + 2]
        (home / name).write_bytes(len(text).to_bytes(8, "little") + text + bytes(4000))
    weights = {f"s{i:05d}.{k}.weight": name for i, name in enumerate(names) for k in range(10)}
    (home / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    command = [sys.executable, "-c", COUNT_OPENS, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tensors, files, most = map(int, done.stdout.split())
    text = f"{tensors:,} tensors of {files} shards, each opened {most} times at most (1)"
    return [Line(text, most == 1 and files == count)]


def conversion(training: Path, folder: Path) -> list[Line]:
    """The whole file to safetensors in half the precision, and back to a comparison."""
    half, again = folder / "half.safetensors", folder / "again.safetensors"
    size = training.stat().st_size
    done = dltui("convert", training, half, "--dtype", "bfloat16")
    dltui("convert", training, again)
    compared = dltui("diff", training, again, "--json")
    retyped = dltui("diff", again, half, "--json")
    return [
        Line(
            f"to safetensors in bfloat16 at {size / done.wall_s / 1e6:.0f} MB/s, "
            f"peak {done.peak_bytes / 1e6:.0f} MB (below 100)",
            done.peak_bytes < 100e6,
        ),
        Line(
            f"equal files compared at {2 * size / compared.wall_s / 1e9:.2f} GB/s, "
            f"peak {compared.peak_bytes / 1e6:.0f} MB (below 200)",
            compared.peak_bytes < 200e6,
        ),
        Line(
            f"float32 beside bfloat16 at {size / retyped.wall_s / 1e6:.0f} MB/s, "
            f"peak {retyped.peak_bytes / 1e6:.0f} MB (below 200)",
            retyped.peak_bytes < 200e6,
        ),
    ]


def screen(training: Path, folder: Path, tensors: int, rounds: int) -> list[Line]:
    """From the start of the process to the frame in which the tensors stand."""
    from benchmarks.startup import EMPTY, first_frame_s

    environment = {
        **os.environ,
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TERM": "xterm-256color",
    }
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    many = folder / "many.pt"
    cost(MAKE_MANY, str(many), str(tensors))
    sides = (
        (EMPTY, b"first frame"),
        (DLTUI.format(arguments=["inspect", str(training)]), b"wte"),
        (DLTUI.format(arguments=["inspect", str(many)]), b"layers"),
    )
    taken_s: list[list[float]] = [[], [], []]
    for _ in range(3 * rounds):
        for each_s, (code, shown) in zip(taken_s, sides, strict=True):
            each_s.append(first_frame_s(code, shown, environment, folder))
    empty_s, ours_s, many_s = taken_s
    ratio = median(ours / empty for ours, empty in zip(ours_s, empty_s, strict=True))
    fastest_s, usual_s = min(many_s), median(many_s)
    return [
        Line(
            f"on the screen in {min(ours_s):.2f} s, an empty app in {min(empty_s):.2f} s: "
            f"{ratio:.2f} times in the middle of all rounds (at most 1.5)",
            ratio <= 1.5,
        ),
        Line(
            f"{tensors:,} tensors on the screen in {fastest_s:.2f} s (below 1), "
            f"{usual_s:.2f} s in the middle",
            fastest_s < 1,
        ),
    ]


PARTS = ("listing", "sparse", "many", "statistics", "shards", "conversion", "screen")


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000, help="of the training checkpoint")
    parser.add_argument("--sparse-megabytes", type=int, default=10_000)
    parser.add_argument("--tensors", type=int, default=20_000)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--width", type=int, default=WIDTH, help="of the network")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--folder", type=Path, help="where files are written; default: a new one")
    parser.add_argument("--strict", action="store_true", help="exit code 1 on a missed budget")
    chosen = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        training = folder / "training.pt"
        if {"listing", "statistics", "conversion", "screen"} & set(chosen.only):
            cost(MAKE_TRAINING, str(training), str(chosen.megabytes), str(chosen.width))
            print(f"training checkpoint of {training.stat().st_size / 1e6:,.0f} MB")
        parts: dict[str, Callable[[], list[Line]]] = {
            "listing": lambda: listing(training, chosen.rounds),
            "sparse": lambda: sparse(
                folder, chosen.megabytes, chosen.sparse_megabytes, chosen.rounds
            ),
            "many": lambda: many(folder, chosen.tensors, chosen.rounds),
            "statistics": lambda: statistics(training, min(chosen.rounds, 2)),
            "shards": lambda: shards(folder, chosen.shards),
            "conversion": lambda: conversion(training, folder),
            "screen": lambda: screen(training, folder, chosen.tensors, chosen.rounds),
        }
        for part in chosen.only:
            print(part)
            for line in parts[part]():
                sign = {None: " ", True: "✓", False: "✗"}[line.is_met]
                print(f"  {sign} {line.text}", flush=True)
                missed += line.is_met is False
    return int(bool(missed) and chosen.strict)


if __name__ == "__main__":
    sys.exit(main())
