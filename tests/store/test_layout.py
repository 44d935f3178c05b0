"""Run folders: whole, private, and judged by what really runs."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.errors import StoreError
from dltui.runs.identity import ProcessIdentity, process_identity
from dltui.runs.layout import RunFolder, create_run, open_run, run_folders, run_name
from dltui.runs.living import effective_state, write_launch
from dltui.runs.lock import WorkerLock, lock_state
from dltui.runs.status import Best, Status, read_status, write_status

HOLD = (
    "import sys; from pathlib import Path; from dltui.runs.lock import WorkerLock\n"
    "from dltui.runs.status import *; from dltui.runs.identity import process_identity\n"
    "folder = Path(sys.argv[1]); assert WorkerLock(folder / 'worker.lock').acquire()\n"
    "write_status(folder, Status(state='running', process=process_identity()))\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


def hold(folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_new_run_is_private_whole_and_numbered(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    first = create_run(runs, "vision/cnn-digits", "a: 1\n", "b: 2\n", Status(), now=0)
    second = create_run(runs, "cnn-digits", "a: 1\n", "b: 2\n", Status(), now=1)
    assert first.name == "cnn-digits-1"
    assert second.id.endswith("-cnn-digits-2")
    assert first.path.stat().st_mode & 0o777 == 0o700
    assert first.recipe.read_text() == "a: 1\n"
    assert first.resolved.read_text() == "b: 2\n"
    assert read_status(second.path).name == "cnn-digits-2"
    assert run_folders(runs) == [second.path, first.path]
    assert sorted(path.name for path in runs.iterdir()) == sorted([first.id, second.id])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vision/cnn-digits", "cnn-digits"),
        ("../../etc/passwd", "passwd"),
        ("my recipe!.yaml", "my-recipe"),
        ("..", "run"),
        ("-", "run"),
        ("\x1b[31mred", "31mred"),
        ("häuser", "häuser"),
        ("x" * 300, "x" * 80),
    ],
)
def test_any_name_becomes_a_safe_folder_name(name: str, expected: str) -> None:
    assert run_name(name) == expected


def test_a_run_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StoreError, match="cannot make a run"):
        create_run(tmp_path / "runs", "x", "", "", Status())
    runs = tmp_path / "other"
    with pytest.raises(UnicodeEncodeError):
        create_run(runs, "x", "\ud800", "", Status())
    assert list(runs.iterdir()) == []


def test_links_and_folders_that_others_can_write_are_refused_with_a_remedy(
    run: RunFolder,
) -> None:
    link = run.path.parent / "20260101-000000-link-1"
    link.symlink_to(run.path)
    with pytest.raises(StoreError, match="symbolic link"):
        open_run(link)
    run.path.chmod(0o770)
    with pytest.raises(StoreError, match="chmod 700"):
        open_run(run.path)
    run.path.chmod(0o700)
    assert open_run(run.path) == run


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(run: RunFolder) -> None:
    os.chown(run.path, 12345, 12345)
    with pytest.raises(StoreError, match="another user"):
        open_run(run.path)


def test_a_status_comes_back_as_it_was_written_also_when_it_diverged(run: RunFolder) -> None:
    status = Status(
        state="failed",
        name="digits-1",
        step=7,
        metrics={"train/loss": math.inf, "val/loss": -math.inf},
        best=Best("val/accuracy", 0.5, 3),
        process=process_identity(),
        message="line one\nline two",
    )
    write_status(run.path, status)
    assert read_status(run.path) == status


@pytest.mark.parametrize(
    "content", ["", "[]", '{"state": "flying"}', '{"state": "queued", "step": "x"}']
)
def test_a_damaged_status_is_an_error_that_names_the_file(run: RunFolder, content: str) -> None:
    run.status_path.write_text(content)
    with pytest.raises(StoreError, match=r"status\.json"):
        read_status(run.path)


def test_texts_of_a_status_cannot_command_the_terminal(run: RunFolder) -> None:
    write_status(run.path, Status(name="a\x1b]0;title\x07b", metrics={"x\x1b[2Jy": 1.0}))
    status = read_status(run.path)
    assert status.name == "ab"
    assert dict(status.metrics) == {"xy": 1.0}


def test_a_run_is_running_while_its_worker_lives_and_died_once_it_is_killed(
    run: RunFolder,
) -> None:
    with hold(run.path) as worker:
        assert lock_state(run.lock_path) == "held"
        assert not WorkerLock(run.lock_path).acquire()
        assert effective_state(run.path, read_status(run.path)) == "running"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert effective_state(run.path, read_status(run.path)) == "died"
        assert lock_state(run.lock_path) == "free"


def test_a_reused_pid_is_not_the_worker(run: RunFolder) -> None:
    me = process_identity()
    assert me is not None
    assert me.is_running()
    other = replace(me, start_time=me.start_time - 1)
    assert not other.is_running()
    write_status(run.path, Status(state="running", process=other))
    with WorkerLock(run.lock_path):
        assert effective_state(run.path, read_status(run.path)) == "died"


def test_looking_at_a_lock_does_not_take_it_from_its_holder(run: RunFolder) -> None:
    with WorkerLock(run.lock_path):
        assert lock_state(run.lock_path) == "held"
        assert not WorkerLock(run.lock_path).acquire()
        seen = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from dltui.runs.lock import lock_state\n"
                "print(lock_state(Path(sys.argv[1])))",
                str(run.lock_path),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert seen.stdout == "held\n"
    assert lock_state(run.lock_path) == "free"


def test_a_run_whose_process_never_came_up_has_died(run: RunFolder) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    identity = process_identity(gone.pid)
    assert identity is not None
    write_launch(run.path, identity, ["worker"])
    write_status(run.path, Status(state="starting"))
    gone.wait()
    assert effective_state(run.path, read_status(run.path)) == "died"
    me = process_identity()
    assert me is not None
    write_launch(run.path, me, ["worker"])
    assert effective_state(run.path, read_status(run.path)) == "starting"


def test_a_worker_on_another_machine_is_judged_by_its_heartbeat(run: RunFolder) -> None:
    away = ProcessIdentity("boot", 1, 1.0, "another-machine")
    fresh = Status(state="running", process=away, heartbeat=1000.0)
    from dltui.runs.living import liveness

    assert liveness(run.path, fresh, now=1010.0) == "alive"
    assert liveness(run.path, fresh, now=2000.0) == "dead"


def test_ended_states_stay_what_they_are(run: RunFolder) -> None:
    for state in ("queued", "stopped", "finished", "failed"):
        assert effective_state(run.path, Status(state=state)) == state  # type: ignore[arg-type]
