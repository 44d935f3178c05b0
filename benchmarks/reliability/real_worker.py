"""Real workers, forked from a process that has torch already: killed, signalled, and gone on with.

A fork costs a hundredth of an import of torch, so that a hundred kills take minutes.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.reliability.rows import Plan, Row
from dltui.recipe import load_recipe
from dltui.runs import (
    MetricReader,
    RunFolder,
    Status,
    create_run,
    effective_state,
    pointed,
    read_status,
)
from dltui.worker.checkpoints import read_checkpoint
from dltui.worker.session import Session as _Session  # noqa: F401  imported before the forks
from dltui.worker.start import main as work

KILLS = 40
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_KILLS_A_RUN = 8
_PATIENCE_S = 1200.0
_RECIPE = """\
dltui: 1
name: real
data: {type: builtin, name: digits, batch_size: 16, limit: 400, augment: [{crop: {padding: 1}}]}
model: {layers: [{conv: {out: 6, bias: false}}, bn, relu, {dropout: 0.2}, flatten, {linear: 10}]}
task: {type: classify}
optimizer: {type: adamw, lr: 0.002}
scheduler: {type: one_cycle}
trainer:
  steps: 400
  device: cpu
  threads: 1
  ema: {decay: 0.99}
  evaluate_every_epochs: 10
  checkpoint: {every_steps: 40}
"""


class Worker:
    """The worker of a run as a child of this process."""

    def __init__(self, run: RunFolder, *, resume: bool = False):
        self.run = run
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                _into_log(run.worker_log)
                code = work([str(run.path), *(["--resume"] if resume else [])])
            finally:
                os._exit(code)

    def signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self) -> int:
        """The exit code, once it has ended."""
        end = time.monotonic() + _PATIENCE_S
        while self.poll() is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        assert self._code is not None
        return self._code

    def until(self, is_so: Callable[[], Any]) -> None:
        """Waits for something, or for the end of the worker."""
        end = time.monotonic() + _PATIENCE_S
        while self.poll() is None and not is_so():
            if time.monotonic() > end:
                raise RuntimeError(self.run.worker_log.read_text())
            time.sleep(0.01)


def kill_worker(plan: Plan) -> Row:
    """kill -9 at moments of chance, each time resumed; in the end it is compared bitwise."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    times = plan.times or KILLS
    # Long enough for all kills of a run to fall into it.
    length = f"trainer.steps={200 * min(times, _KILLS_A_RUN)}"
    sound = _new_run(plan.folder, length)
    losses = [] if Worker(sound).wait() == 0 else ["the unbroken training failed"]
    kills = runs = 0
    while kills < times:
        run = _new_run(plan.folder, length)
        runs += 1
        worker = Worker(run)
        for _ in range(min(_KILLS_A_RUN, times - kills)):
            worker.until(lambda run=run: read_status(run.path).state == "running")
            time.sleep(chance.uniform(0, 0.8))
            seen = _steps(run)
            worker.signal(signal.SIGKILL)
            if worker.wait() == 0:
                break  # it was over before
            kills += 1
            losses += [f"kill {kills}: {text}" for text in _broken(run, seen)]
            worker = Worker(run, resume=pointed(run.checkpoints, "latest") is not None)
        code = worker.wait()
        losses += [f"run {runs} ended with {code}"] if code else []
        losses += [f"run {runs}: {text}" for text in _different(sound, run)]
    return Row(
        "kill-worker",
        "kill -9 of a training worker, each time resumed; weights and losses compared bitwise"
        " with a training never killed",
        kills,
        len(losses),
        "promises",
        time.monotonic() - began,
        tuple(losses),
        f"{runs} trainings",
    )


def signal_worker(plan: Plan) -> Row:
    """SIGTERM, SIGINT and SIGUSR1 in turn: a checkpoint at the step, 128 + n, and going on."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    times = plan.times or 3 * len(SIGNALS)
    losses: list[str] = []
    run, resume = _new_run(plan.folder, "trainer.steps=1000000"), False
    for count in range(times):
        number = SIGNALS[count % len(SIGNALS)]
        worker = Worker(run, resume=resume)
        start = read_status(run.path).step
        worker.until(lambda start=start: read_status(run.path).step > start)
        time.sleep(chance.uniform(0, 0.3))
        worker.signal(number)
        code = worker.wait()
        status, steps = read_status(run.path), _steps(run)
        at = f"{number.name} at step {status.step}"
        if code != 128 + number:
            losses.append(f"{at}: exit code {code}, not {128 + number}")
        if status.state != "stopped" or status.message != f"stopped by {number.name}":
            losses.append(f"{at}: the run is {status.state}, {status.message}")
        if not status.checkpoint_step == status.step == steps[-1]:
            losses.append(f"{at}: checkpoint {status.checkpoint_step}, last record {steps[-1]}")
        if steps != list(range(1, steps[-1] + 1)):
            losses.append(f"{at}: {len(steps)} records")
        resume = True
    return Row(
        "signal-worker",
        "SIGTERM, SIGINT, SIGUSR1 to a training worker: checkpoint at the step, exit code 128 + n",
        times,
        len(losses),
        "promises",
        time.monotonic() - began,
        tuple(losses),
    )


def _new_run(folder: Path, *overrides: str) -> RunFolder:
    recipe = folder / "real.yaml"
    recipe.write_text(_RECIPE)
    found = load_recipe(recipe, overrides)
    status = Status(state="starting", heartbeat=time.time())
    return create_run(folder / "runs", "real", found.source_text, found.resolved_yaml(), status)


def _into_log(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)


def _steps(run: RunFolder) -> list[int]:
    reader = MetricReader(run.metric_log("train"))
    reader.poll()
    found: list[int] = reader.steps.tolist()
    return found


def _broken(run: RunFolder, seen: list[int]) -> list[str]:
    reader = MetricReader(run.metric_log("train"))
    reader.poll()
    steps = reader.steps.tolist()
    found = []
    if steps[: len(seen)] != seen or steps != list(range(1, len(steps) + 1)):
        found.append(f"{len(seen)} steps were there, {len(steps)} are")
    if reader.damaged:
        found.append(f"{reader.damaged} damaged records")
    if (state := effective_state(run.path, read_status(run.path))) != "died":
        found.append(f"the run is {state}, not died")
    latest = pointed(run.checkpoints, "latest")
    if latest is not None:
        read_checkpoint(latest)
    return found


def _different(one: RunFolder, other: RunFolder) -> list[str]:
    folders = [pointed(run.checkpoints, "latest") for run in (one, other)]
    if None in folders:
        return ["there is no checkpoint"]
    (first, before), (second, after) = (read_checkpoint(path) for path in folders if path)
    found = [name for name in first if not torch.equal(first[name], second[name])]
    averages = before["ema"]["average"], after["ema"]["average"]
    found += [f"average of {n}" for n in averages[0] if not averages[0][n].equal(averages[1][n])]
    if not torch.equal(before["random"]["torch"], after["random"]["torch"]):
        found.append("the random generator")
    if _losses(one) != _losses(other):
        found.append("the recorded losses")
    return [f"{', '.join(found)} differ"] if found else []


def _losses(run: RunFolder) -> list[float]:
    reader = MetricReader(run.metric_log("train"))
    reader.poll()
    found: list[float] = reader.values[:, reader.columns.index("loss")].tolist()
    return found
