"""Events, commands, checkpoints and samples of a run."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import StoreError
from dltui.runs.checkpoints import (
    checkpoint_at,
    checkpoints,
    pointed,
    publish_checkpoint,
    sweep_checkpoints,
)
from dltui.runs.clean import printable
from dltui.runs.events import EventLog, EventReader
from dltui.runs.inbox import Inbox
from dltui.runs.layout import RunFolder
from dltui.runs.samples import publish_samples, read_samples, sample_folders


def weights(text: str):
    return lambda folder: (folder / "model.pt").write_text(text) and None


@given(st.text())
def test_printable_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    for shown in (printable(text), printable(text, lines=True).replace("\n", "")):
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
        shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGk=\x07x", "x"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("50\r100", "50\ufffd100"),
        ("a\u202eb", "a\ufffdb"),
        ("tab\tand\nline", "tab and line"),
        ("größe 模型 ✓", "größe 模型 ✓"),
        ("\x9b2Jx", "x"),
    ],
)
def test_escape_sequences_vanish_and_text_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_events_come_back_in_order_and_a_torn_line_waits(run: RunFolder) -> None:
    log = EventLog(run.events)
    log.append("state", "running", step=0, data={"state": "running"})
    log.append("finding", "loss is \x1b[31mNaN", level="error", data={"value": float("nan")})
    log.close()
    reader = EventReader(run.events)
    assert reader.poll()
    assert [(event.kind, event.step, event.message) for event in reader.events] == [
        ("state", 0, "running"),
        ("finding", None, "loss is NaN"),
    ]
    assert reader.events[1].data == {"value": None}
    with run.events.open("ab") as file:
        file.write(b'{"time": 1, "st')
    assert not reader.poll()
    again = EventLog(run.events)
    again.append("log", "next")
    again.close()
    assert reader.poll()
    assert reader.events[-1].message == "next"
    assert reader.damaged == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=6))
def test_lines_that_are_no_events_are_counted_and_skipped(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    log = EventLog(path)
    log.append("log", "sound")
    log.close()
    reader = EventReader(path)
    reader.poll()
    assert [event.message for event in reader.events] == ["sound"]


def test_commands_are_taken_once_oldest_first_and_acknowledged(run: RunFolder) -> None:
    log = EventLog(run.events)
    worker = Inbox(run.inbox, log)
    first = Inbox(run.inbox).send("set", {"lr": 0.1})
    second = Inbox(run.inbox).send("stop")
    taken = worker.take()
    assert [(command.id, command.kind, dict(command.args)) for command in taken] == [
        (first, "set", {"lr": 0.1}),
        (second, "stop", {}),
    ]
    assert worker.take() == []
    worker.acknowledge(taken[0], ok=True, detail="lr 0.1", step=7)
    log.close()
    reader = EventReader(run.events)
    reader.poll()
    (event,) = reader.events
    assert (event.step, event.message) == (7, "set: lr 0.1")
    assert event.data == {"id": first, "kind": "set", "ok": True, "detail": "lr 0.1"}


def test_two_takers_never_get_the_same_command(run: RunFolder) -> None:
    sent = {Inbox(run.inbox).send("checkpoint") for _ in range(40)}
    program = (
        "import sys; from pathlib import Path; from dltui.runs.inbox import Inbox\n"
        "print(*[c.id for c in Inbox(Path(sys.argv[1])).take()])"
    )
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(run.inbox)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    taken = [taker.communicate()[0].split() for taker in takers]
    assert sorted(taken[0] + taken[1]) == sorted(sent)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"kind": "explode"}', b'{"kind": "set", "args": 3}', b"x" * 100_000],
)
def test_what_is_no_command_is_moved_aside_with_an_event(run: RunFolder, content: bytes) -> None:
    (run.inbox / "00-bad.json").write_bytes(content)
    good = Inbox(run.inbox).send("pause")
    log = EventLog(run.events)
    assert [command.id for command in Inbox(run.inbox, log).take()] == [good]
    log.close()
    assert (run.inbox / "refused" / "00-bad.json").read_bytes() == content
    reader = EventReader(run.events)
    reader.poll()
    assert "refused inbox/00-bad.json" in reader.events[0].message


def test_commands_for_an_earlier_worker_are_refused_by_the_next(run: RunFolder) -> None:
    inbox = Inbox(run.inbox)
    inbox.send("stop")
    inbox.take()
    inbox.send("pause")
    log = EventLog(run.events)
    assert Inbox(run.inbox, log).discard("meant for an earlier worker") == 2
    assert inbox.take() == []
    log.close()


def test_a_checkpoint_appears_whole_and_old_ones_go_but_the_best_stays(run: RunFolder) -> None:
    folder = run.checkpoints
    for step in (100, 200, 300, 400):
        publish_checkpoint(folder, step, weights(str(step)), best=step == 100, keep=2)
    assert [path.name for path in checkpoints(folder)] == [
        "step_00000100",
        "step_00000300",
        "step_00000400",
    ]
    latest, best = pointed(folder, "latest"), pointed(folder, "best")
    assert latest is not None
    assert best is not None
    assert (latest / "model.pt").read_text() == "400"
    assert best.name == "step_00000100"
    assert checkpoint_at(folder, 300).name == "step_00000300"
    with pytest.raises(StoreError, match="100, 300, 400"):
        checkpoint_at(folder, 200)


def test_a_damaged_pointer_is_passed_over_for_the_newest_checkpoint(run: RunFolder) -> None:
    for step in (100, 200):
        publish_checkpoint(run.checkpoints, step, weights(str(step)))
    latest = run.checkpoints / "latest"
    latest.write_bytes(b"\xea\x00\xff")
    found = pointed(run.checkpoints, "latest")
    assert found is not None
    assert found.name == "step_00000200"
    latest.unlink()
    latest.mkdir()
    assert pointed(run.checkpoints, "latest") == found
    latest.rmdir()
    latest.symlink_to("latest")
    with pytest.raises(StoreError, match="cannot read a pointer"):
        pointed(run.checkpoints, "latest")


def test_a_failing_write_leaves_the_former_checkpoint_alone(run: RunFolder) -> None:
    folder = run.checkpoints
    publish_checkpoint(folder, 1, weights("good"))

    def full(temporary: Path) -> None:
        (temporary / "model.pt").write_text("ha")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match="No space left"):
        publish_checkpoint(folder, 2, full)
    assert sorted(path.name for path in folder.iterdir()) == ["latest", "step_00000001"]
    publish_checkpoint(folder, 1, weights("again"))
    assert (checkpoint_at(folder, None) / "model.pt").read_text() == "again"


def test_a_writer_killed_in_the_middle_leaves_the_pointer_on_a_whole_checkpoint(
    run: RunFolder,
) -> None:
    publish_checkpoint(run.checkpoints, 1, weights("good"))
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dltui.runs.checkpoints import publish_checkpoint\n"
        "def write(folder):\n"
        "    (folder / 'model.pt').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish_checkpoint(Path(sys.argv[1]), 2, write)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(run.checkpoints)], check=False)
    assert len(list(run.checkpoints.glob(".tmp-*"))) == 1
    assert checkpoint_at(run.checkpoints, None).name == "step_00000001"
    sweep_checkpoints(run.checkpoints)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["latest", "step_00000001"]


@pytest.mark.parametrize("content", ["", "../../../etc", "step_00000009", "\x00"])
def test_a_damaged_pointer_falls_back_to_the_newest_checkpoint(
    run: RunFolder, content: str
) -> None:
    publish_checkpoint(run.checkpoints, 3, weights("good"))
    (run.checkpoints / "latest").write_text(content)
    assert checkpoint_at(run.checkpoints, None).name == "step_00000003"


def test_samples_of_one_step_join_and_old_pictures_go_before_text(run: RunFolder) -> None:
    def text(folder: Path) -> None:
        (folder / "text.json").write_text(json.dumps({"samples": ["a\x1b[2Jb"]}))

    def examples(folder: Path) -> None:
        (folder / "00001.png").write_bytes(b"png")
        (folder / "examples.json").write_text(json.dumps({"examples": []}))

    for step in range(4):
        publish_samples(run.samples, step, text, keep_examples=2)
        publish_samples(run.samples, step, examples, keep_examples=2)
    assert len(sample_folders(run.samples, "text")) == 4
    assert [path.name for path in sample_folders(run.samples, "examples")] == [
        "step_00000002",
        "step_00000003",
    ]
    oldest = sample_folders(run.samples, "text")[0]
    assert [path.name for path in oldest.iterdir()] == ["text.json"]
    assert read_samples(oldest, "text") == {"samples": ["ab"]}
    assert read_samples(oldest, "examples") is None
