"""A real training at full log rate with the dashboard open: memory of both, and every record."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Sequence

import numpy as np
import psutil

from benchmarks.dashboard import drain
from benchmarks.reliability.rows import Plan, Row
from dltui.launch import kill_run, start_run
from dltui.recipe import load_recipe
from dltui.runs import RunFolder, effective_state, read_status
from dltui.runs.reader import RunReader

MINUTES = 60.0
_WARM_SHARE = 1 / 3
"""Bounded buffers fill in the beginning; the slope is of what comes after."""
_MOST_MIB_PER_HOUR = 16.0
_JUDGED_FROM_MINUTES = 10.0
_RECIPE = """\
dltui: 1
name: soak
data: {type: builtin, name: digits, batch_size: 16, augment: [{crop: {padding: 1}}]}
model: {layers: [{conv: {out: 6, bias: false}}, bn, relu, {dropout: 0.2}, flatten, {linear: 10}]}
task: {type: classify}
optimizer: {type: adamw, lr: 0.0005}
trainer:
  epochs: 1000000
  device: cpu
  threads: 1
  evaluate_every_epochs: 20
  checkpoint: {every_epochs: 50}
"""


def soak(plan: Plan) -> Row:
    """As many minutes as the plan says. Raises RuntimeError where the training does not begin."""
    began = time.monotonic()
    minutes = plan.minutes or MINUTES
    recipe = plan.folder / "soak.yaml"
    recipe.write_text(_RECIPE)
    run = start_run(load_recipe(recipe), runs=plan.folder / "runs")
    memory: list[tuple[float, float, float]] = []
    try:
        _until_trained(run)
        child, terminal = _dashboard(run)
        try:
            drain(terminal, min(5.0, minutes * 12))
            memory, sent = _watched(run, child, terminal, 60 * minutes)
            losses = [] if psutil.pid_exists(child) else ["the dashboard has ended"]
        finally:
            os.kill(child, 9)
            os.close(terminal)
            os.waitpid(child, 0)
        state = effective_state(run.path, read_status(run.path))
        losses += [] if state == "running" else [f"the run is {state}"]
    finally:
        kill_run(run)
    steps, missing = _records(run)
    worker, dashboard = (_slope_mib_per_hour(memory, column) for column in (1, 2))
    if minutes >= _JUDGED_FROM_MINUTES:
        for name, slope in (("worker", worker), ("dashboard", dashboard)):
            if slope > _MOST_MIB_PER_HOUR:
                losses.append(f"the {name} grows by {slope:.1f} MiB an hour")
    last = memory[-1]
    return Row(
        "soak",
        f"{minutes:g} minutes of training at {steps / (60 * minutes):,.0f} steps a second with the"
        " dashboard open",
        steps,
        len(losses) + missing,
        "records",
        time.monotonic() - began,
        tuple(losses),
        f"worker {last[1]:.0f} MiB, {worker:+.1f} MiB an hour; dashboard {last[2]:.0f} MiB,"
        f" {dashboard:+.1f} MiB an hour, {sent / (60 * minutes) / 1000:.1f} kB/s",
    )


def _until_trained(run: RunFolder) -> None:
    end = time.monotonic() + 120
    while read_status(run.path).step < 100:
        if time.monotonic() > end:
            raise RuntimeError(run.worker_log.read_text())
        time.sleep(0.1)


def _dashboard(run: RunFolder) -> tuple[int, int]:
    """`dltui watch` under a pty: its pid and the terminal's descriptor."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
        watch = ["-m", "dltui", "watch", run.name, "--runs", str(run.path.parent)]
        os.execv(sys.executable, [sys.executable, *watch])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    return child, terminal


def _watched(
    run: RunFolder, child: int, terminal: int, seconds: float
) -> tuple[list[tuple[float, float, float]], int]:
    """Hours, MiB of the worker and MiB of the dashboard, again and again; bytes it sent."""
    process = read_status(run.path).process
    assert process is not None
    worker, dashboard = psutil.Process(process.pid), psutil.Process(child)
    began, sent, found = time.monotonic(), 0, []
    while (spent := time.monotonic() - began) < seconds:
        found.append((spent / 3600, _mib(worker), _mib(dashboard)))
        sent += drain(terminal, min(5.0, seconds / 6))
    return found, sent


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 2**20)


def _slope_mib_per_hour(memory: Sequence[tuple[float, float, float]], column: int) -> float:
    """Least squares over what comes after the warm-up."""
    rows = np.array(memory[int(len(memory) * _WARM_SHARE) :])
    return float(np.polyfit(rows[:, 0], rows[:, column], 1)[0])


def _records(run: RunFolder) -> tuple[int, int]:
    """The steps done, and how many of them are not recorded or damaged."""
    reader = RunReader(run)
    reader.poll()
    train = reader.metric_reader("train")
    assert train is not None
    last = int(train.steps[-1])
    return last, last - len(train.steps) + reader.damaged
