"""A worker as a process of its own: commands, signals, a kill, and coming back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dltui.runs import (
    EventReader,
    Inbox,
    MetricReader,
    RunFolder,
    effective_state,
    open_run,
    read_status,
)
from tests.worker.conftest import DIGITS, MakeRun

pytestmark = pytest.mark.slow
PATIENCE_S = 120.0
LONG = ("trainer.epochs=100000", "trainer.checkpoint.every_steps=20")


class Worker:
    """A worker process on a run."""

    def __init__(self, folder: RunFolder, *options: str):
        self.folder = folder
        with folder.worker_log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dltui.worker", str(folder.path), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def until(self, is_so: Callable[[], Any]) -> Any:
        """Wait for something to become true of the run; fail with the log where it does not."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = is_so()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        found = is_so()
        assert found, self.folder.worker_log.read_text()
        return found

    def until_step(self, step: int) -> None:
        self.until(lambda: read_status(self.folder.path).step >= step)

    def command(self, kind: Any, **args: Any) -> Any:
        """Send a command; its acknowledgement."""
        name = Inbox(self.folder.inbox).send(kind, args)
        return self.until(lambda: answer(self.folder, name))

    def end(self) -> int:
        return self.process.wait(PATIENCE_S)


def answer(folder: RunFolder, name: str) -> Any:
    reader = EventReader(folder.events)
    reader.poll()
    found = [event for event in reader.events if event.data.get("id") == name]
    return found[0] if found else None


def steps(folder: RunFolder) -> list[int]:
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    found: list[int] = reader.steps.tolist()
    return found


@pytest.fixture
def start(make_run: MakeRun) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def begin(folder: RunFolder | None = None, *options: str) -> Worker:
        workers.append(Worker(folder or make_run(DIGITS, *LONG), *options))
        return workers[-1]

    yield begin
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_at_rest(pid: int) -> bool:
    """Whether a process used less than a fifth of a core over more than a second."""
    used_s, began_s = cpu_seconds(pid), time.monotonic()
    time.sleep(1.2)
    return cpu_seconds(pid) - used_s < 0.2 * (time.monotonic() - began_s)


def test_commands_take_effect_at_the_next_step_and_are_confirmed(
    start: Callable[..., Worker],
) -> None:
    worker = start()
    folder = worker.folder
    worker.until_step(5)

    paused = worker.command("pause")
    assert paused.data["ok"]
    assert read_status(folder.path).state == "paused"
    before = read_status(folder.path)
    assert steps(folder)[-1] == paused.step
    if sys.platform == "linux":
        # What was imported in the background goes on for a while; then there is rest.
        worker.until(lambda: is_at_rest(worker.process.pid))
        assert (read_status(folder.path).heartbeat or 0) > (before.heartbeat or 0)
    assert steps(folder)[-1] == paused.step

    changed = worker.command("set", lr=0.0005)
    assert changed.data["ok"]
    refused = worker.command("set", batch_size=3)
    assert not refused.data["ok"]
    assert "only lr" in refused.data["detail"]
    saved = worker.command("checkpoint")
    assert (folder.checkpoints / f"step_{saved.step:08d}" / "model.pt").is_file()

    worker.command("resume")
    worker.until_step(paused.step + 10)
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    rates = dict(
        zip(reader.steps.tolist(), reader.values[:, reader.columns.index("lr")], strict=True)
    )
    assert rates[paused.step] == 0.01
    assert rates[paused.step + 1] == pytest.approx(0.0005)

    stopped = worker.command("stop")
    assert worker.end() == 0
    status = read_status(folder.path)
    assert status.state == "stopped"
    assert status.checkpoint_step == status.step == stopped.step

    again = start(folder, "--resume")
    again.until_step(status.step + 3)
    again.process.send_signal(signal.SIGTERM)
    assert again.end() == 128 + signal.SIGTERM
    later = read_status(folder.path)
    assert later.state == "stopped"
    assert later.message == "stopped by SIGTERM"
    assert later.checkpoint_step == later.step
    reader.poll()
    assert reader.values[-1, reader.columns.index("lr")] == pytest.approx(0.0005)
    assert reader.steps.tolist() == list(range(1, later.step + 1))


def test_a_killed_worker_is_seen_as_died_and_goes_on_from_its_last_checkpoint(
    start: Callable[..., Worker],
) -> None:
    worker = start()
    folder = worker.folder
    worker.until_step(45)
    assert effective_state(folder.path, read_status(folder.path)) == "running"
    worker.process.kill()
    worker.end()
    died = read_status(folder.path)
    assert died.state == "running"
    assert effective_state(folder.path, died) == "died"
    recorded = steps(folder)[-1]

    again = start(open_run(folder.path), "--resume")
    again.until_step(recorded + 5)
    again.command("stop")
    assert again.end() == 0
    assert steps(folder) == list(range(1, read_status(folder.path).step + 1))
    assert read_status(folder.path).attempt == 2


def test_a_run_has_one_worker_at_a_time(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.until_step(1)
    second = start(worker.folder)
    assert second.end() == 2
    assert "another process" in worker.folder.worker_log.read_text()
    assert worker.process.poll() is None
