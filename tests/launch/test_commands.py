"""What the run commands print and the exit codes they give."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.cli import control, export, follow, plot, runs
from dltui.errors import UsageError
from dltui.launch.spawn import spawn_worker
from dltui.runs.events import EventLog
from dltui.runs.layout import RunFolder
from dltui.runs.living import effective_state
from dltui.runs.metrics import MetricLog
from dltui.runs.status import Best, Status, read_status, write_status

FOLLOW = (
    "import sys; from pathlib import Path; from dltui.cli.follow import follow_headless\n"
    "from dltui.runs.layout import RunFolder\n"
    "sys.exit(follow_headless(RunFolder(Path(sys.argv[1]))))"
)


def started(run: RunFolder) -> RunFolder:
    spawn_worker(run)
    deadline = time.monotonic() + 30
    while effective_state(run.path, read_status(run.path)) != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def ended(run: RunFolder, **changes: object) -> RunFolder:
    log = MetricLog(run.metric_log("train"), ("loss", "lr"))
    for step in range(1, 101):
        log.append(step, 1e9 + step, (math.exp(-step / 30) if step != 50 else 9.0, 0.1))
    log.close()
    log = MetricLog(run.metric_log("val"), ("loss", "accuracy"))
    for step in (50, 100):
        log.append(step, 1e9 + step, (0.5, 0.9))
    log.close()
    events = EventLog(run.events)
    events.append("state", "running", step=0)
    events.append("finding", "it \x1b[31moverfits", step=80, level="warning")
    events.close()
    status = Status(
        state="finished",
        name=run.name,
        step=100,
        steps_total=100,
        steps_per_epoch=50,
        epoch=2.0,
        epochs_total=2,
        elapsed_s=83.2,
        metrics={"val/accuracy": 0.9},
        best=Best("val/accuracy", 0.95, 50),
    )
    write_status(run.path, replace(status, **changes))  # type: ignore[arg-type]
    return run


def home(run: RunFolder) -> Path:
    return run.path.parent


def test_control_commands_wait_for_the_worker_and_say_what_it_did(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    started(run)
    assert control.send(home(run), "last", "pause") == 0
    assert capsys.readouterr().out == "digits-1: pause: done\n"
    assert control.set_value(home(run), "last", "lr=5") == 1
    assert "too high" in capsys.readouterr().err
    assert control.set_value(home(run), "last", "lr=3e-4") == 0
    assert control.set_value(home(run), "last", "temperature=0.7") == 0
    assert control.set_value(home(run), "last", "no_such_thing=0.7") == 1
    assert control.send(home(run), "digits", "stop") == 0
    assert control.send(home(run), "digits", "resume") == 0
    assert "starts again" in capsys.readouterr().out


def test_killing_from_the_command_line_ends_the_worker(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    started(run)
    assert control.send(home(run), "last", "kill") == 0
    assert "is killed" in capsys.readouterr().out
    assert runs.list_runs(home(run)) == 0
    assert " killed " in capsys.readouterr().out
    assert follow.watch_plain(home(run), "last") == 0
    assert "killed after" in capsys.readouterr().out
    assert read_status(run.path).state == "stopped"


@pytest.mark.parametrize(
    "assignment", ["lr", "lr=fast", "lr=-1", "lr=nan", "=0.9", "temperature=inf"]
)
def test_a_setting_that_makes_no_sense_is_a_usage_error(run: RunFolder, assignment: str) -> None:
    with pytest.raises(UsageError):
        control.set_value(home(run), "last", assignment)


def test_the_worker_that_crashes_on_a_command_is_reported(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    started(run)
    assert control._send_and_wait(run, "checkpoint", {"crash": 1.0}) == 1
    assert "ended before it could checkpoint" in capsys.readouterr().err


def test_the_list_of_runs_shows_state_progress_and_best(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.list_runs(home(ended(run))) == 0
    out = capsys.readouterr().out
    for part in ("digits-1", "finished", "2/2", "val/accuracy 0.95", "1:23"):
        assert part in out
    assert runs.list_runs(home(run), filters=["state:failed"]) == 0
    assert capsys.readouterr().out == ""
    assert runs.list_runs(home(run), as_json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["id"], found["progress"]) == (run.id, 1.0)


def test_plain_watching_prints_the_past_and_the_result(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow.watch_plain(home(ended(run)), "last") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].endswith("step 80  warning: it overfits")
    assert lines[0].endswith("epoch 1.0/2  val/loss 0.5  val/accuracy 0.9")
    assert lines[-1] == (
        "digits-1: finished after 1:23  step 100  val/accuracy 0.9"
        "  best val/accuracy 0.95 at step 50"
    )


def test_a_run_that_died_shows_the_end_of_its_log_and_gives_1(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(run, state="running", heartbeat=1.0)
    run.worker_log.write_text("line\nSegmentation \x1b[31mfault\n")
    assert follow.watch_plain(home(run), "last") == 1
    captured = capsys.readouterr()
    assert "digits-1: died" in captured.out
    assert "  Segmentation fault" in captured.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupting_a_headless_run_stops_it_with_a_checkpoint(
    run: RunFolder, number: signal.Signals, code: int
) -> None:
    started(run)
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(run.path)], stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout is not None
        assert "epoch" in follower.stdout.readline()
        follower.send_signal(number)
        out = follower.stdout.read()
    assert follower.returncode == code
    assert "stopping digits-1 with a checkpoint" in out
    assert "digits-1: stopped" in out
    assert read_status(run.path).state == "stopped"
    assert (run.checkpoints / "latest").read_text() == "step_00000007\n"


def test_a_headless_run_in_a_terminal_shows_a_bar_and_its_result(run: RunFolder) -> None:
    import pty

    ended(run)
    main, terminal = pty.openpty()
    chunks: list[bytes] = []

    def drain() -> None:
        try:
            while chunk := os.read(main, 4096):
                chunks.append(chunk)
        except OSError:
            return

    thread = threading.Thread(target=drain)
    thread.start()
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(run.path)],
        stdout=terminal,
        env=os.environ | {"TERM": "xterm"},
        check=False,
    )
    os.close(terminal)
    thread.join()
    os.close(main)
    out = b"".join(chunks).decode()
    assert done.returncode == 0
    assert "digits-1: finished after 1:23" in out
    assert "val/accuracy 0.9" in out


def test_a_plot_keeps_a_single_spike_and_fits_its_size(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plot.plot(home(ended(run)), "last", ["train/loss"], width=60, height=12) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert max(map(len, lines)) <= 60
    assert "train/loss" in lines[0]
    with pytest.raises(UsageError, match="no metric"):
        plot.plot(home(run), "last", ["x"])


def test_a_plot_is_ascii_where_the_terminal_is(
    run: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_GLYPHS", "ascii")
    assert plot.plot(home(ended(run)), "last", width=60, height=12) == 0
    assert capsys.readouterr().out.isascii()


def test_nothing_to_plot_is_said(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert plot.plot(home(run), "last") == 1
    assert "nothing yet" in capsys.readouterr().err


def test_exports_go_to_stdout_or_to_a_file(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.export(home(ended(run)), "last", "csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 204
    assert export.export(home(run), "last", "json", tmp_path / "out.json") == 0
    assert json.loads((tmp_path / "out.json").read_text())["run"]["id"] == run.id
    with pytest.raises(UsageError, match="no export"):
        export.export(home(run), "last", "xlsx")
