"""kill -9 while checkpoints are written: do `latest` and `best` load, and are they whole?"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch

from benchmarks.reliability.killing import Acknowledge, killed_after
from benchmarks.reliability.rows import Plan, Row
from dltui.errors import StoreError
from dltui.runs import RunFolder, Status, create_run, pointed, publish_checkpoint
from dltui.runs.atomic import TEMPORARY
from dltui.runs.checkpoints import Pointer, step_of, sweep_checkpoints
from dltui.worker.checkpoints import read_checkpoint, write_checkpoint

TIMES = 60
SIZE_BYTES = 50 * 2**20
_TENSORS = 25


def kill_checkpoints(plan: Plan, size_bytes: int = SIZE_BYTES) -> Row:
    """A writer of checkpoints is killed, swept and started again as a worker would be.

    Every third checkpoint is `best`, and every second step is saved twice: the second time it
    replaces a folder that pointers name.
    """
    began = time.monotonic()
    chance = random.Random(plan.seed)
    times = plan.times or TIMES
    run = create_run(plan.folder / "runs", "saved", "dltui: 1", "dltui: 1", Status())
    _publish(run, 0, size_bytes, best=True)
    usual_s = _seconds_of_one(run, size_bytes)
    losses: list[str] = []
    saved = swept = 0
    for number in range(times):
        start = (_step(run, "latest") or 0) + 1
        told = killed_after(
            lambda acknowledge, start=start: _save_on(run, start, size_bytes, acknowledge),
            chance.uniform(0, 3 * usual_s),
        )
        saved += len(told) - 1
        losses += [f"kill {number + 1}: {text}" for text in broken(run, told)]
        swept += len(list(run.checkpoints.glob(f"{TEMPORARY}*")))
        sweep_checkpoints(run.checkpoints)
        losses += [f"kill {number + 1}: after the sweep {text}" for text in broken(run, told)]
        left = list(run.checkpoints.glob(".*"))
        losses += [f"kill {number + 1}: {len(left)} temporaries stayed"] if left else []
    return Row(
        "kill-checkpoints",
        f"kill -9 while checkpoints of {size_bytes >> 20} MiB are written",
        times,
        len(losses),
        "checkpoints",
        time.monotonic() - began,
        tuple(losses),
        f"{saved:,} were whole before, {swept} torn ones swept",
    )


def _seconds_of_one(run: RunFolder, size_bytes: int) -> float:
    began = time.monotonic()
    _publish(run, 1, size_bytes, best=True)
    return time.monotonic() - began


def _save_on(run: RunFolder, start: int, size_bytes: int, acknowledge: Acknowledge) -> None:
    acknowledge(start - 1)
    for step, best in _order(start):
        _publish(run, step, size_bytes, best=best)
        # The sign tells what `best` pointed to then.
        acknowledge(-step if best else step)


def _order(start: int) -> Iterator[tuple[int, bool]]:
    for step in count(start):
        yield step, step % 3 == 0
        if step % 2 == 0:
            yield step, step % 4 == 0


def _publish(run: RunFolder, step: int, size_bytes: int, *, best: bool) -> None:
    each = size_bytes // _TENSORS // 4

    def write(folder: Path) -> None:
        model = {f"layer{number}": torch.full((each,), float(step)) for number in range(_TENSORS)}
        training: dict[str, Any] = {"step": step, "ema": None}
        write_checkpoint(folder, model, training)

    publish_checkpoint(run.checkpoints, step, write, best=best, keep=2)


def broken(run: RunFolder, told: list[int]) -> list[str]:
    """What `latest` and `best` should hold after `told` was acknowledged and do not."""
    bests = [-number for number in told if number < 0]
    found = _broken(run, "latest", abs(told[-1]))
    return found + _broken(run, "best", bests[-1] if bests else 0)


def _broken(run: RunFolder, pointer: Pointer, least: int) -> list[str]:
    folder = pointed(run.checkpoints, pointer)
    if folder is None:
        return [f"{pointer} names nothing"]
    try:
        model, training = read_checkpoint(folder)
    except StoreError as error:
        return [f"{pointer}: {error}"]
    step = training["step"]
    if step != step_of(folder) or step < least:
        return [f"{pointer} is {folder.name} and holds step {step}, at least {least} was saved"]
    if any(not bool((tensor == float(step)).all()) for tensor in model.values()):
        return [f"{pointer} holds weights of another step than {step}"]
    return []


def _step(run: RunFolder, pointer: Pointer) -> int | None:
    folder = pointed(run.checkpoints, pointer)
    return None if folder is None else step_of(folder)
