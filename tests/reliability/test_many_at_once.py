"""Two screens, commands at once, many runs, millions of steps, file systems with coarse clocks."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltui.runs import (
    Catalogue,
    Inbox,
    Status,
    create_run,
    find_run,
    publish_files,
    read_status,
    write_status,
)
from dltui.runs.metrics import make_header
from dltui.runs.reader import RunReader
from dltui.runs.stamps import change_stamp
from dltui.ui.recording import Recording
from tests.e2e.conftest import PATIENCE_S, Place
from tests.e2e.terminal import dltui

LONG_STEPS = 5_000_000


@pytest.mark.slow
def test_two_screens_and_three_commands_at_once_are_all_served_and_a_second_worker_refused(
    place: Place,
) -> None:
    place.say("train", "digits.yaml", "--name", "busy", "--detach")
    run = place.run("busy")
    screens = [place.terminal("watch", "busy", size=size) for size in ((120, 36), (80, 24))]
    for screen in screens:
        screen.wait_for("● running", PATIENCE_S)
    before = len(run.answers())
    at_once = [
        subprocess.Popen(
            dltui(*arguments),
            cwd=place.folder,
            env={**os.environ, **place.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for arguments in (
            ("set", "busy", "lr=3e-4"),
            ("checkpoint", "busy"),
            ("set", "busy", "lr=2e-4"),
        )
    ]
    for screen in screens:
        screen.keys("c")
    said = [process.communicate(timeout=PATIENCE_S)[0] for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], said
    run.until(lambda: len(run.answers()) >= before + 5)
    answers = run.answers()[before:]
    assert sorted(answers) == [("checkpoint", True)] * 3 + [("set", True)] * 2
    assert Inbox(run.folder.inbox).waiting() == []

    pid = run.pid
    second = subprocess.run(
        [sys.executable, "-m", "dltui.worker", str(run.folder.path), "--resume"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert second.returncode == 2
    assert "another process is working on this run" in second.stderr
    refused = place.command("resume", "busy")
    assert refused.returncode == 0 or "it is running" in refused.stderr
    run.until_further()
    assert (run.pid, run.status.attempt) == (pid, 1)
    recorded = sorted(run.column("loss"))
    assert recorded == list(range(1, recorded[-1] + 1))
    for screen in screens:
        assert "● running" in screen.screen()
        screen.hang_up()


def test_two_hundred_runs_in_one_folder_are_listed_found_and_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runs = tmp_path / "runs"
    made = [create_run(runs, f"many-{i % 3}", "", "", Status(), now=float(i)) for i in range(200)]
    catalogue = Catalogue(runs)
    assert [summary.folder for summary in catalogue.list()] == made[::-1]
    changed = made[17]
    write_status(changed.path, Status(state="finished", step=5))
    (made[30].status_path).write_bytes(b"garbage")
    listed = {summary.folder: summary.status for summary in catalogue.list()}
    assert len(listed) == 199
    assert listed[changed].state == "finished"
    assert list(catalogue.problems) == [made[30].id]
    assert find_run(runs, "last") == made[-1]
    assert find_run(runs, made[99].name) == made[99]


def checksums(bodies: np.ndarray) -> np.ndarray:
    """The crc32 of each row of bytes (N, length), all rows at once."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, 0xEDB88320 ^ (table >> 1), table >> 1).astype(np.uint32)
    register = np.full(len(bodies), 0xFFFFFFFF, np.uint32)
    for place in range(bodies.shape[1]):
        register = table[(register ^ bodies[:, place]) & 0xFF] ^ (register >> 8)
    return register ^ np.uint32(0xFFFFFFFF)


def write_long_log(path: Path, steps: int) -> None:
    """A metric log of one column, loss = 1 / step, as the writer would have left it."""
    fields = np.dtype([("step", "<i8"), ("time", "<f8"), ("loss", "<f8"), ("crc", "<u4")])
    with path.open("wb") as file:
        file.write(make_header(["loss"]))
        for start in range(1, steps + 1, 500_000):
            number = np.arange(start, min(start + 500_000, steps + 1))
            rows = np.empty(len(number), fields)
            rows["step"], rows["time"], rows["loss"] = number, number / 100, 1 / number
            bodies = rows.view(np.uint8).reshape(len(rows), fields.itemsize)[:, :-4]
            rows["crc"] = checksums(bodies)
            file.write(rows.tobytes())


@pytest.mark.slow
def test_five_million_steps_are_all_read_and_a_spike_among_them_is_seen(tmp_path: Path) -> None:
    run = create_run(tmp_path, "long", "", "", Status(state="finished", step=LONG_STEPS))
    log = run.metric_log("train")
    write_long_log(log, LONG_STEPS)
    spike = LONG_STEPS // 3
    with log.open("r+b") as file:
        file.seek(512 + 28 * (spike - 1))
        body = struct.pack("<qdd", spike, spike / 100, 1000.0)
        crc = checksums(np.frombuffer(body, np.uint8).reshape(1, -1))
        file.write(body + struct.pack("<I", int(crc[0])))
    recording = Recording(run.path)
    snapshot = recording.read(recording._wanted)
    assert snapshot is not None
    assert snapshot.trouble is None
    curve = snapshot.curves["train/loss"]
    assert curve.measured == LONG_STEPS
    assert len(curve.values) < 100_000
    assert curve.last == pytest.approx(1 / LONG_STEPS)
    assert curve.values[curve.values > 1].tolist() == [1000.0]
    assert curve.steps[curve.values > 1].tolist() == [spike]


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file gets a time stamp of whole seconds, as on ext3, HFS+ and some NFS servers."""
    replace_file, rename = os.replace, Path.rename

    def floor(path: Path) -> None:
        for each in (Path(path), Path(path).parent):
            seconds = int(each.stat().st_mtime)
            os.utime(each, (seconds, seconds))

    def replaced(source: Path, target: Path) -> None:
        replace_file(source, target)
        floor(target)

    def renamed(source: Path, target: Path) -> Path:
        moved = rename(source, target)
        floor(target)
        return moved

    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(Path, "rename", renamed)


@pytest.mark.usefixtures("coarse")
def test_changes_within_one_second_are_seen_where_clocks_tick_by_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = create_run(tmp_path / "runs", "coarse", "", "", Status(state="stopped", step=10))
    reader, catalogue = RunReader(run), Catalogue(tmp_path / "runs")
    recording = Recording(run.path)
    for step in range(11, 41):
        write_status(run.path, replace(read_status(run.path), step=step))
        assert reader.poll()
        assert reader.status.step == step
        assert catalogue.list()[0].status.step == step
        publish_files(run.samples, step, {"text.json": b'{"samples": ["a"]}'})
        snapshot = recording.read(recording._wanted)
        assert snapshot is not None
        assert snapshot.text is not None
        assert snapshot.text.steps[-1] == step
    assert not reader.poll()


def test_a_stamp_is_settled_where_it_can_be_trusted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    for seconds, is_settled in ((time.time() // 1, False), (time.time() // 1 - 60, True)):
        os.utime(path, (seconds, seconds))
        found = path.stat()
        assert (change_stamp(found) == change_stamp(found)) is is_settled
    os.utime(path, ns=(10**18 + 1, 10**18 + 1))
    assert change_stamp(path.stat()) == change_stamp(path.stat())
