"""A disk that really fills: training and dashboard go on, and every record is there afterwards."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.reliability.disk_full import can_mount, within_tmpfs
from dltui.errors import StoreError
from dltui.runs import EventReader, MetricReader, Status, create_run, inbox
from dltui.runs.append import AppendFile
from dltui.runs.reserve import RESERVE, SIZE_BYTES, Reserve
from dltui.worker.record import Heartbeat
from tests.reliability.experiments import tried


@pytest.mark.slow
def test_training_goes_on_with_an_alarm_and_every_step_is_recorded_in_the_end(
    tmp_path: Path,
) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a user mount a disk of 4 MB")
    row = tried("disk-full")
    assert row["losses"] == []
    assert "steps trained while it was full" in row["notes"]


LIMITED = """
import resource, sys
from pathlib import Path
from dltui.runs import EventLog, MetricLog
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
events = EventLog(folder / "events.jsonl")
log = MetricLog(
    folder / "train.rank0.log", ("loss",), alarm=lambda text: events.append("alarm", text)
)
for step in range(1, 1001):
    log.append(step, 0.0, (1.0,))
waited = log.pending
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.close()
events.close()
print(waited)
"""


def test_a_limit_on_the_size_of_files_is_met_like_a_full_disk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 100
    reader = MetricReader(tmp_path / "train.rank0.log")
    reader.poll()
    assert reader.steps.tolist() == list(range(1, 1001))
    events = EventReader(tmp_path / "events.jsonl")
    events.poll()
    assert ["disk is full" in event.message for event in events.events] == [True, False]


def test_a_log_that_the_disk_has_no_room_to_make_is_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.open

    def full(*arguments: object, **settings: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    alarms: list[str] = []
    monkeypatch.setattr(os, "open", full)
    log = AppendFile(tmp_path / "new.log", b"head", lambda descriptor: 0, alarm=alarms.append)
    log.append(b"one")
    assert log.pending == 2
    assert not (tmp_path / "new.log").exists()
    monkeypatch.setattr(os, "open", usual)
    log.close()
    assert (tmp_path / "new.log").read_bytes() == b"headone"
    assert len(alarms) == 2


def test_space_is_kept_back_for_the_alarm_and_comes_back_when_there_is_plenty(
    tmp_path: Path,
) -> None:
    reserve = Reserve(tmp_path)
    place = tmp_path / RESERVE
    assert place.stat().st_size == SIZE_BYTES
    reserve.spend()
    assert place.stat().st_size < SIZE_BYTES
    assert not reserve.is_whole
    reserve.keep()
    assert place.stat().st_size == SIZE_BYTES
    reserve.remove()
    assert list(tmp_path.iterdir()) == []


FULL_TO_THE_BYTE = r"""
import os, sys
from pathlib import Path
from benchmarks.reliability.disk_full import filled
from dltui.runs import EventReader, Status, create_run
from dltui.worker.output import outlive_full_disk
from dltui.worker.record import RunRecord

def alarms():
    reader = EventReader(run.events)
    reader.poll()
    return [event.message for event in reader.events if event.kind == "alarm"]

place = Path(sys.argv[1])
run = create_run(place, "full", "", "", Status())
answers = os.dup(1)
log = os.open(run.worker_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(log, 1)
outlive_full_disk()
# Nor has the block that worker.log ends in.
print("x" * 4090)
record = RunRecord(run, Status())
# The block that the events end in has no room for one more line.
blocks = -(-(run.events.stat().st_size + 200) // 4096) * 4096
record.event("log", "x" * (blocks - run.events.stat().st_size - 118))
with filled(place):
    for number in range(3):
        record.event("log", "not worth what is kept back" * 200)
    record.trouble("samples", "no-space-for-samples")
    os.write(answers, f"{alarms()} {run.worker_log.read_text().split()[1:]}\n".encode())
    record.state("paused")
    record.update()
os.write(answers, f"{len(alarms())} {len(list(place.glob('*/.reserve')))}\n".encode())
record.close()
"""


def test_the_alarm_is_told_where_other_events_wait_for_space_already(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a user mount a disk of 4 MB")
    inside = within_tmpfs(tmp_path, [sys.executable, "-c", FULL_TO_THE_BYTE])
    done = subprocess.run(inside, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    told = "['no-space-for-samples']"
    assert done.stdout.splitlines() == [f"{told} {told}", "1 1"]


PRINTS = """
import sys
import threading
from dltui.worker.output import outlive_full_disk
outlive_full_disk()
for _ in range(1000):
    print("a line of a plugin " * 10)
    print("a warning " * 10, file=sys.stderr)
sys.exit(7)
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_what_a_worker_prints_to_a_full_disk_does_not_end_it() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", PRINTS], stdout=full, stderr=full, check=False)
    assert done.returncode == 7


def test_a_heart_goes_on_beating_after_a_disk_has_failed_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    beats: list[int] = []
    third = threading.Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if len(beats) == 3:
            third.set()

    heart = Heartbeat(beat, every_s=0.001)
    heart.start()
    assert third.wait(60)
    heart.stop()
    assert "Input/output error" in capsys.readouterr().err


def test_commands_to_a_run_on_a_full_disk_say_what_works_without_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path, "full", "", "", Status())

    def full(*arguments: object, **settings: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(inbox, "write_atomic", full)
    with pytest.raises(StoreError, match="dltui kill need none"):
        inbox.Inbox(run.inbox).send("stop")
