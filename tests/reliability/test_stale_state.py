"""What a crash, a reboot or a wrong clock leaves behind is told right, and harms nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dltui.errors import StoreError, UsageError
from dltui.launch import kill_run, resume_run, send_command
from dltui.runs import (
    Catalogue,
    MetricLog,
    RunFolder,
    Status,
    WorkerLock,
    create_run,
    effective_state,
    find_run,
    open_run,
    process_identity,
    read_status,
    write_status,
)
from dltui.runs.identity import ProcessIdentity
from dltui.runs.layout import run_folders
from dltui.runs.living import write_launch
from dltui.ui.recording import Recording
from tests.e2e.conftest import Place

HOLD = (
    "import sys; from pathlib import Path; from dltui.runs.lock import WorkerLock\n"
    "assert WorkerLock(Path(sys.argv[1])).acquire()\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return create_run(tmp_path / "runs", "stale", "dltui: 1\n", "dltui: 1\n", Status())


@pytest.fixture
def innocent() -> Iterator[tuple[subprocess.Popen[bytes], ProcessIdentity]]:
    """A process of somebody else's, and its true identity."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = process_identity(process.pid)
        assert identity is not None
        yield process, identity
        process.kill()


def assert_dead_and_harmless(run: RunFolder, innocent: subprocess.Popen[bytes]) -> None:
    assert effective_state(run.path, read_status(run.path)) == "died"
    with pytest.raises(UsageError, match="died"):
        kill_run(run)
    with pytest.raises(UsageError, match="died"):
        send_command(run, "stop")
    assert innocent.poll() is None


def test_a_forged_process_is_not_the_worker_although_it_lives(
    run: RunFolder, innocent: tuple[subprocess.Popen[bytes], ProcessIdentity]
) -> None:
    process, identity = innocent
    write_status(run.path, Status(state="running", process=identity, heartbeat=time.time()))
    write_launch(run.path, identity, [])
    assert_dead_and_harmless(run, process)


def test_nor_is_it_while_another_process_holds_the_lock(
    run: RunFolder, innocent: tuple[subprocess.Popen[bytes], ProcessIdentity]
) -> None:
    process, identity = innocent
    write_status(run.path, Status(state="running", process=identity, heartbeat=time.time()))
    command = [sys.executable, "-c", HOLD, str(run.lock_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert_dead_and_harmless(run, process)
        assert holder.poll() is None
        holder.kill()


@pytest.mark.parametrize(
    "change", [{"start_time": 1.0}, {"boot_id": "another boot"}, {"pid": 2**22 + 1}]
)
def test_a_reused_pid_another_boot_and_no_process_are_a_dead_worker(
    run: RunFolder,
    innocent: tuple[subprocess.Popen[bytes], ProcessIdentity],
    change: dict[str, object],
) -> None:
    process, identity = innocent
    stale = replace(identity, **change)  # type: ignore[arg-type]
    for state in ("starting", "running", "paused", "stopping"):
        write_status(run.path, Status(state=state, process=stale, heartbeat=time.time()))
        write_launch(run.path, stale, [])
        assert_dead_and_harmless(run, process)


LOADERS = """\
dltui: 1
name: loaders
data: {type: builtin, name: digits, batch_size: 16, on_device: false, workers: 2}
model: {layers: [flatten, {linear: 10}]}
task: {type: classify}
optimizer: {type: sgd, lr: 0.01}
trainer: {epochs: 100000, device: cpu, threads: 1, checkpoint: {every_steps: 20}}
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="stops processes in their tracks")
def test_loader_processes_that_outlive_a_killed_worker_hold_nothing_up(place: Place) -> None:
    place.write("loaders.yaml", LOADERS)
    place.say("train", "loaders.yaml", "--name", "loaders", "--detach")
    run = place.run("loaders")
    run.until(lambda: run.status.checkpoint_step)
    worker = psutil.Process(run.pid)
    orphans = worker.children(recursive=True)
    assert len(orphans) >= 2
    try:
        for orphan in orphans:
            orphan.suspend()
        worker.kill()
        run.until(lambda: effective_state(run.folder.path, run.status) == "died")
        assert all(orphan.is_running() for orphan in orphans)
        reached = run.status.step
        resume_run(run.folder)
        run.until(lambda: run.status.state == "running" and run.status.step > reached)
        assert run.pid != worker.pid
    finally:
        for orphan in orphans:
            orphan.resume()
    _, alive = psutil.wait_procs(orphans, timeout=30)
    assert alive == []
    kill_run(run.folder)


def test_a_half_made_run_is_not_listed_and_goes_when_it_is_old(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from dltui.runs import layout\n"
        "layout.write_status = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "layout.create_run(Path(sys.argv[1]), 'half', '', '', layout.Status())\n"
    )
    runs = tmp_path / "runs"
    done = subprocess.run([sys.executable, "-c", program, str(runs)], check=False)
    assert done.returncode == -signal.SIGKILL
    (half,) = runs.iterdir()
    whole = create_run(runs, "whole", "", "", Status())
    assert run_folders(runs) == [whole.path]
    assert half.exists()
    os.utime(half, (0, 0))
    create_run(runs, "whole", "", "", Status())
    assert not half.exists()


def test_a_folder_without_a_status_is_named_and_does_not_hide_the_others(run: RunFolder) -> None:
    half = run.path.with_name("20260101-000000-half-1")
    half.mkdir(mode=0o700)
    (half / "metrics").mkdir()
    catalogue = Catalogue(run.path.parent)
    assert [summary.folder for summary in catalogue.list()] == [run]
    assert list(catalogue.problems) == [half.name]
    with pytest.raises(StoreError, match=r"no status\.json"):
        open_run(half)


def test_the_newest_run_stays_the_newest_when_the_clock_goes_back(tmp_path: Path) -> None:
    now = time.time()
    first = create_run(tmp_path, "first", "", "", Status(), now=now)
    second = create_run(tmp_path, "second", "", "", Status(), now=now - 3600)
    third = create_run(tmp_path, "third", "", "", Status(), now=now - 3599)
    assert run_folders(tmp_path) == [third.path, second.path, first.path]
    assert find_run(tmp_path, "last") == third
    # A clock that was wrong by years does not drag all later runs along.
    years_ago = create_run(tmp_path, "old", "", "", Status(), now=0.0)
    assert run_folders(tmp_path)[-1] == years_ago.path


def test_a_heartbeat_of_the_future_is_no_sign_of_life(run: RunFolder) -> None:
    away = ProcessIdentity("boot", 1, 1.0, "another-machine")
    ahead = Status(state="running", process=away, heartbeat=time.time() + 3600)
    write_status(run.path, ahead)
    assert effective_state(run.path, ahead) == "died"


def test_a_run_whose_clock_went_back_shows_every_step(run: RunFolder) -> None:
    log = MetricLog(run.metric_log("train"), ("loss",))
    with WorkerLock(run.lock_path):
        for step in range(1, 201):
            log.append(step, 1e9 + step if step < 100 else 1e9 - 3600 + step, (1 / step,))
        status = Status(state="running", process=process_identity(), step=200, started=2e9)
        write_status(run.path, replace(status, heartbeat=1.0))
        recording = Recording(run.path)
        snapshot = recording.read(recording._wanted)
        assert snapshot is not None
        assert snapshot.state == "running"
        assert snapshot.curves["train/loss"].measured == 200
        assert snapshot.curves["train/loss"].steps.tolist() == list(range(1, 201))
    log.close()
