"""A disk that fills under a training, and empties again: a tmpfs of 4 MB in a namespace of its own.

Run as a program (`python -m benchmarks.reliability.disk_full FOLDER`) it is inside that namespace.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reliability.rows import Plan, Row
from dltui.launch import kill_run, start_run
from dltui.recipe import load_recipe
from dltui.runs import MetricReader, RunFolder, effective_state, read_status
from dltui.runs.reader import RunReader

_SIZE_MB = 4
_PATIENCE_S = 120.0
_FULL_S = 4.0
_RECIPE = """\
dltui: 1
name: full
data: {type: builtin, name: digits, batch_size: 16, limit: 320, flat: true}
model: {layers: [{linear: 16}, relu, {linear: $(data.classes)}]}
task: {type: classify}
optimizer: {type: adamw, lr: 0.001}
trainer: {epochs: 100000, device: cpu, threads: 1, checkpoint: {every_steps: 50}}
"""


def disk_full(plan: Plan) -> Row:
    """As often as `times` says, once by default. Raises RuntimeError where none can be mounted."""
    began = time.monotonic()
    times = plan.times or 1
    losses: list[str] = []
    recorded = 0
    for number in range(times):
        place = plan.folder / f"disk-{number}"
        place.mkdir()
        done = subprocess.run(
            within_tmpfs(place, [sys.executable, "-m", "benchmarks.reliability.disk_full"]),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        losses += found["losses"]
        recorded += found["while_full"]
    return Row(
        "disk-full",
        f"a disk of {_SIZE_MB} MB fills under a training and its dashboard, and empties again",
        times,
        len(losses),
        "promises",
        time.monotonic() - began,
        tuple(losses),
        f"{recorded:,} steps trained while it was full, all recorded later",
    )


def within_tmpfs(place: Path, command: list[str]) -> list[str]:
    """`command PLACE` where `place` is a disk of 4 MB that only this command sees."""
    mount = f"mount -t tmpfs -o size={_SIZE_MB}m none"
    script = f'{mount} "$0" && exec "$@" "$0"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(place), *command]


def can_mount(place: Path) -> bool:
    """Whether this machine lets a user mount a tmpfs in a namespace."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(within_tmpfs(place, ["test", "-d"]), capture_output=True, check=False)
    return tried.returncode == 0


def main(place: Path) -> None:
    """Inside the namespace: trains, fills, looks, empties, looks; prints what it found."""
    os.environ.update(XDG_CACHE_HOME=str(place.parent), XDG_CONFIG_HOME=str(place.parent))
    recipe = place.parent / "full.yaml"
    recipe.write_text(_RECIPE)
    run = start_run(load_recipe(recipe), runs=place / "runs")
    losses: list[str] = []
    try:
        _until(lambda: read_status(run.path).checkpoint_step, run)
        with filled(place):
            full_s = time.time()
            _until(lambda: _alarms(run), run)
            shown = asyncio.run(_screen(run, "disk is full"))
            time.sleep(_FULL_S)
            state = effective_state(run.path, read_status(run.path))
            losses += [] if state == "running" else [f"with a full disk the run is {state}"]
            losses += [] if shown else ["the alarm is not on the screen"]
            losses += [] if "disk is full" in run.worker_log.read_text() else ["nor in worker.log"]
            empty_s = time.time()
        _until(lambda: _newest(run)[1] > empty_s + 3, run)
    finally:
        kill_run(run)
    reader = RunReader(run)
    reader.poll()
    train = reader.metric_reader("train")
    assert train is not None
    steps = train.steps.tolist()
    meanwhile = int(((train.times > full_s) & (train.times < empty_s)).sum())
    if steps != list(range(1, steps[-1] + 1)):
        losses.append(f"of {steps[-1]} steps {len(steps)} are recorded")
    if not meanwhile:
        losses.append("nothing was trained while the disk was full")
    losses += [f"{name}: {why}" for name, why in reader.problems.items()]
    losses += [f"{reader.damaged} damaged records"] if reader.damaged else []
    print(json.dumps({"losses": losses, "while_full": meanwhile}))


@contextmanager
def filled(place: Path) -> Iterator[None]:
    """Not a byte is free inside the block."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                continue
        except OSError:
            yield
    filler.unlink()


def _alarms(run: RunFolder) -> list[str]:
    reader = RunReader(run)
    reader.poll()
    found = [event.message for event in reader.events if event.kind == "alarm"]
    return [message for message in found if "disk is full" in message]


async def _screen(run: RunFolder, wanted: str) -> bool:
    """Whether a dashboard that is opened now shows the words."""
    from dltui.ui.app import DltuiApp
    from dltui.ui.panes.log import LogPane, log_text

    app = DltuiApp(run.path.parent, open_runs=(run.path,))
    async with app.run_test(size=(120, 36)) as pilot:
        end = time.monotonic() + _PATIENCE_S / 4
        while time.monotonic() < end:
            await pilot.pause(0.1)
            panes = pilot.app.screen.query(LogPane)
            if panes and wanted in log_text(panes.first()):
                return True
    return False


def _newest(run: RunFolder) -> tuple[int, float]:
    reader = MetricReader(run.metric_log("train"))
    reader.poll()
    return (int(reader.steps[-1]), float(reader.times[-1])) if len(reader.steps) else (0, 0.0)


def _until(is_so: Callable[[], Any], run: RunFolder) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(f"{read_status(run.path)}\n{run.worker_log.read_text()}")
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
