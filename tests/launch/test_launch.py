"""Workers outlive what started them, and only they are ever signalled."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.errors import StoreError, UsageError
from dltui.launch.command import worker_environment
from dltui.launch.control import kill_process, kill_run, send_command
from dltui.launch.session import outliving
from dltui.launch.spawn import spawn_worker
from dltui.launch.start import resume_run
from dltui.runs.events import EventReader
from dltui.runs.identity import ProcessIdentity, process_identity
from dltui.runs.layout import RunFolder
from dltui.runs.living import effective_state, read_launch, write_launch
from dltui.runs.status import Status, read_status, write_status

WORKER = Path(__file__).with_name("obedient_worker.py")
LAUNCHER = """\
import sys, time
from pathlib import Path
import dltui.launch.spawn as spawn
from dltui.runs.layout import RunFolder
spawn.worker_command = lambda run, **_: [sys.executable, sys.argv[2], str(run)]
spawn.spawn_worker(RunFolder(Path(sys.argv[1])))
print("launched", flush=True)
time.sleep(600)
"""


def state(run: RunFolder) -> str:
    return effective_state(run.path, read_status(run.path))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.02)


def test_a_started_worker_runs_in_a_session_of_its_own_without_a_terminal(
    run: RunFolder,
) -> None:
    identity = spawn_worker(run)
    assert state(run) in ("starting", "running")
    wait_until(lambda: state(run) == "running", "running")
    wait_until(lambda: run.worker_log.read_text().endswith("\n"), "it says so")
    assert run.worker_log.read_text() == f"up {identity.pid} fresh\n"
    assert os.getsid(0) != identity.pid
    assert read_status(run.path).process == identity == read_launch(run.path)
    if sys.platform == "linux":
        opened = {os.readlink(f"/proc/{identity.pid}/fd/{number}") for number in (0, 1, 2)}
        assert opened == {"/dev/null", str(run.worker_log)}


def test_the_worker_outlives_a_killed_launcher_and_its_terminal(run: RunFolder) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(
            sys.executable,
            [sys.executable, "-c", LAUNCHER, str(run.path), str(WORKER)],
        )
    try:
        assert b"launched" in os.read(terminal, 4096)
        wait_until(lambda: state(run) == "running", "running")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    finally:
        os.close(terminal)  # hangs up: SIGHUP to whoever belongs to that terminal
    send_command(run, "stop")
    wait_until(lambda: state(run) == "stopped", "stopped")


def test_a_worker_that_crashes_at_once_is_seen_as_died(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dltui.launch.spawn.worker_command",
        lambda run, **_: [sys.executable, "-c", "raise SystemExit('no torch here')"],
    )
    spawn_worker(run)
    wait_until(lambda: state(run) == "died", "died")
    assert "no torch here" in run.worker_log.read_text()


def test_killing_ends_the_worker_and_the_run_says_who_did_it(run: RunFolder) -> None:
    identity = spawn_worker(run)
    wait_until(lambda: state(run) == "running", "running")
    kill_run(run)
    assert not identity.is_running()
    status = read_status(run.path)
    assert status.state == "stopped"
    assert status.message.startswith("killed by ")
    reader = EventReader(run.events)
    reader.poll()
    assert reader.events[-1].data == {"state": "stopped"}
    with pytest.raises(UsageError, match="nothing to kill"):
        kill_run(run)


def test_a_process_that_only_has_the_pid_of_the_worker_is_not_signalled(run: RunFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        identity = process_identity(innocent.pid)
        assert identity is not None
        other = replace(identity, start_time=identity.start_time - 100)
        assert kill_process(other, wait_s=1)
        write_status(run.path, Status(state="running", process=other))
        write_launch(run.path, other, [])
        with pytest.raises(UsageError, match="died"):
            kill_run(run)
        assert innocent.poll() is None
        assert innocent.stdin is not None
        innocent.stdin.close()
    assert innocent.returncode == 1


def test_a_worker_on_another_machine_is_not_signalled_from_here(run: RunFolder) -> None:
    away = ProcessIdentity("boot", os.getpid(), 1.0, "another-machine")
    write_status(run.path, Status(state="running", process=away, heartbeat=time.time()))
    with pytest.raises(UsageError, match="runs on another-machine"):
        kill_run(run)


def test_a_stopped_run_goes_on_from_its_checkpoint_in_the_same_folder(run: RunFolder) -> None:
    spawn_worker(run)
    wait_until(lambda: state(run) == "running", "running")
    with pytest.raises(UsageError, match="it is running"):
        resume_run(run)
    send_command(run, "stop")
    wait_until(lambda: state(run) == "stopped", "stopped")
    assert resume_run(run) == run
    wait_until(lambda: state(run) == "running", "running again")
    status = read_status(run.path)
    assert (status.attempt, status.step) == (2, 7)
    wait_until(lambda: "resume" in run.worker_log.read_text(), "it says so")


def test_a_second_worker_on_a_live_run_ends_without_touching_it(run: RunFolder) -> None:
    first = spawn_worker(run)
    wait_until(lambda: state(run) == "running", "running")
    second = spawn_worker(run)
    wait_until(lambda: not second.is_running(), "the second one ends")
    assert first.is_running()
    assert state(run) == "running"
    assert read_status(run.path).process == first
    assert "another process is working on this run" in run.worker_log.read_text()
    write_launch(run.path, first, [])


def test_commands_to_a_run_without_worker_are_refused_with_the_way_on(run: RunFolder) -> None:
    write_status(run.path, Status(state="stopped"))
    with pytest.raises(UsageError, match="dltui resume"):
        send_command(run, "pause")
    assert list(run.inbox.iterdir()) == []


def test_a_finished_run_is_not_resumed(run: RunFolder) -> None:
    write_status(run.path, Status(state="finished"))
    with pytest.raises(UsageError, match="--fork"):
        resume_run(run)


def test_a_worker_that_cannot_be_started_marks_the_run_as_failed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.launch.spawn.worker_command", lambda run, **_: ["/nowhere/python"])
    write_status(run.path, Status(state="stopped"))
    with pytest.raises(StoreError, match="cannot start the worker"):
        resume_run(run)
    assert state(run) == "failed"


def test_a_stray_module_in_the_current_folder_does_not_reach_the_worker(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the stray one')")
    done = subprocess.run(
        [sys.executable, "-m", "dltui.runs.status"],
        cwd=tmp_path,
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def fake_tool(folder: Path, name: str, answer: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)


def test_where_a_login_takes_its_processes_along_a_scope_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_SESSION_ID", "1")
    monkeypatch.setattr("sys.platform", "linux")
    fake_tool(tmp_path, "busctl", "b false")
    assert outliving(["worker"], "dltui-x") == (["worker"], None)
    fake_tool(tmp_path, "busctl", "b true")
    fake_tool(tmp_path, "systemd-run", "")
    fake_tool(tmp_path, "loginctl", "Linger=yes")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x")
    command, warning = outliving(["worker", "x"], "dltui-x")
    assert command[:3] == ["systemd-run", "--user", "--scope"]
    assert command[-2:] == ["worker", "x"]
    assert warning is None
    fake_tool(tmp_path, "loginctl", "Linger=no")
    assert "enable-linger" in (outliving(["worker"], "dltui-x")[1] or "")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    command, warning = outliving(["worker"], "dltui-x")
    assert command == ["worker"]
    assert "keep a session open" in (warning or "")
