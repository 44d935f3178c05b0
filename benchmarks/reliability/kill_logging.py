"""kill -9 while a run's logs are written: is everything there that was acknowledged?"""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np

from benchmarks.reliability.killing import Acknowledge, killed_after
from benchmarks.reliability.rows import Plan, Row
from dltui.runs import (
    ArrayLog,
    EventLog,
    MetricLog,
    RunFolder,
    Status,
    WorkerLock,
    create_run,
    effective_state,
    process_identity,
    read_status,
    write_status,
)
from dltui.runs.reader import RunReader

TIMES = 100
_COLUMNS = ("loss", "lr", *(f"scalar_{number}" for number in range(18)))
_NORMS = 2_000
_ARRAY_EVERY, _EVENT_EVERY, _STATUS_EVERY = 5, 3, 10


def kill_logging(plan: Plan) -> Row:
    """A writer of metrics, arrays, events and status is killed, resumed, killed again."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    times = plan.times or TIMES
    run = create_run(plan.folder / "runs", "killed", "dltui: 1", "dltui: 1", Status())
    losses: list[str] = []
    acknowledged = reached = 0
    for number in range(times):
        start = reached
        told = killed_after(
            lambda acknowledge, start=start: _log(run, start, acknowledge),
            chance.expovariate(1 / 0.02),
        )
        acknowledged += len(told)
        found = [f"kill {number + 1}: {text}" for text in missing(run, max(told))]
        losses += found
        # A step that was stored in part only was not acknowledged: it is done again.
        reached = max(told)
    return Row(
        "kill-logging",
        "kill -9 while metrics, arrays, events and status are written, each time going on",
        times,
        len(losses),
        "records",
        time.monotonic() - began,
        tuple(losses),
        f"{acknowledged:,} steps acknowledged",
    )


def value(step: int, column: int) -> float:
    """What stands at a step and column, so that a wrong value is seen."""
    return step * 1.0 + column / 1000


def _log(run: RunFolder, start: int, acknowledge: Acknowledge) -> None:
    """What a worker writes, from the step after `start` on; says each step once it is stored."""
    lock = WorkerLock(run.lock_path)
    if not lock.acquire():
        raise RuntimeError("the lock of a killed worker is still held")
    train = MetricLog(run.metric_log("train"), _COLUMNS)
    arrays = ArrayLog(run.array_log("layers"))
    events = EventLog(run.events)
    train.rewind(start)
    arrays.rewind(start)
    status = Status(state="running", process=process_identity(), heartbeat=time.time())
    write_status(run.path, status, sync=False)
    step = start
    while True:
        step += 1
        train.append(step, time.time(), [value(step, column) for column in range(len(_COLUMNS))])
        if step % _ARRAY_EVERY == 0:
            norms = np.random.default_rng(step).normal(size=_NORMS)
            arrays.append(step, time.time(), {"step": step}, {"norms": norms})
        if step % _EVENT_EVERY == 0:
            events.append("log", f"step {step} " + "x" * (step % 200), step=step)
        if step % _STATUS_EVERY == 0:
            write_status(run.path, replace(status, step=step), sync=False)
        acknowledge(step)


def missing(run: RunFolder, last: int) -> list[str]:
    """What is not in the store although step `last` was acknowledged, in words."""
    reader = RunReader(run)
    reader.poll()
    found = [f"{name}: {why}" for name, why in reader.problems.items()]
    if reader.damaged:
        found.append(f"{reader.damaged} damaged records")
    if (state := effective_state(run.path, read_status(run.path))) != "died":
        found.append(f"the state is {state}, not died")
    train = reader.metric_reader("train")
    steps = [] if train is None else train.steps.tolist()
    if steps != list(range(1, len(steps) + 1)) or len(steps) < last:
        found.append(f"steps 1 to {last} were acknowledged, {len(steps)} are there")
    elif train is not None:
        expected = np.arange(1, len(steps) + 1)[:, None] + np.arange(len(_COLUMNS)) / 1000
        wrong = int((train.values != expected).any(axis=1).sum())
        found += [f"{wrong} steps have wrong values"] if wrong else []
    found += _missing_arrays(reader, last) + _missing_events(reader, last)
    return found


def _missing_arrays(reader: RunReader, last: int) -> list[str]:
    arrays = reader.arrays("layers")
    steps = [] if arrays is None else arrays.index
    due = list(range(_ARRAY_EVERY, last + 1, _ARRAY_EVERY))
    if steps[: len(due)] != due:
        return [f"{len(due)} arrays were acknowledged, {len(steps)} are there"]
    if arrays is None or not steps:
        return []
    frame = arrays.frame(len(steps) - 1)
    sound = np.random.default_rng(frame.step).normal(size=_NORMS)
    return [] if np.array_equal(frame.arrays["norms"], sound) else ["the last array is wrong"]


def _missing_events(reader: RunReader, last: int) -> list[str]:
    there = {event.step for event in reader.events}
    gone = [step for step in range(_EVENT_EVERY, last + 1, _EVENT_EVERY) if step not in there]
    return [f"{len(gone)} events are gone, the first of step {gone[0]}"] if gone else []
