"""Nobody else's files are obeyed, nothing foreign reaches the terminal, no file runs code."""

from __future__ import annotations

import json
import os
import pickle
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dltui.errors import RecipeError, StoreError
from dltui.launch import send_command
from dltui.recipe import is_trusted, load_recipe
from dltui.runs import (
    ArrayLog,
    EventLog,
    EventReader,
    Inbox,
    MetricLog,
    RunFolder,
    Status,
    WorkerLock,
    create_run,
    open_run,
    process_identity,
    publish_files,
    write_status,
)
from dltui.runs.sheets import pair_files
from dltui.worker.checkpoints import read_checkpoint, write_checkpoint
from tests.e2e.terminal import environment

OSC = "\x1b]0;PWNED\x07"
EVIL = f"a{OSC}\x1b[2J\x9b31m\x1b]52;c;UFdORUQ=\x1b\\\x1bPPWNED\x1b\\\u202eb"
FORBIDDEN = (b"PWNED", b"UFdORUQ", b"\x1bP", b"\xc2\x9b", "\u202e".encode())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return create_run(tmp_path / "runs", "safe", "dltui: 1\n", "dltui: 1\n", Status())


def test_everything_of_a_run_is_its_owners_alone(run: RunFolder) -> None:
    EventLog(run.events).append("log", "hello")
    MetricLog(run.metric_log("train"), ("loss",)).append(1, 0.0, (1.0,))
    write_status(run.path, Status())
    Inbox(run.inbox).send("pause")
    for path in (run.path, *run.path.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("part", ["inbox", "checkpoints"])
@pytest.mark.parametrize("how", ["link", "writable by others", "foreign"])
def test_a_part_that_others_could_have_written_is_refused(
    run: RunFolder, part: str, how: str, tmp_path: Path
) -> None:
    folder = run.path / part
    if how == "link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    elif how == "writable by others":
        folder.chmod(0o770)
    elif os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    else:
        os.chown(folder, 12345, 12345)
    with pytest.raises(StoreError):
        open_run(run.path)
    with pytest.raises(StoreError):
        send_command(run, "stop")
    worker = subprocess.run(
        [sys.executable, "-m", "dltui.worker", str(run.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert worker.returncode == 2
    assert part in worker.stderr


def test_a_worker_does_not_obey_an_inbox_that_was_opened_to_others_meanwhile(
    run: RunFolder,
) -> None:
    log = EventLog(run.events)
    inbox = Inbox(run.inbox, log)
    Inbox(run.inbox).send("stop")
    run.inbox.chmod(0o777)
    assert inbox.take() == inbox.take() == []
    run.inbox.chmod(0o700)
    assert [command.kind for command in inbox.take()] == ["stop"]
    log.close()
    reader = EventReader(run.events)
    reader.poll()
    (told,) = reader.events
    assert (told.kind, "commands are not carried out" in told.message) == ("alarm", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_command_that_another_user_owns_is_refused(run: RunFolder) -> None:
    name = Inbox(run.inbox).send("stop")
    os.chown(run.inbox / f"{name}.json", 12345, 12345)
    assert Inbox(run.inbox).take() == []
    assert [path.stem for path in (run.inbox / "refused").iterdir()] == [name]


def evil_run(runs: Path) -> RunFolder:
    """A live run of this process with an escape sequence wherever a text can be."""
    status = Status(
        state="running",
        process=process_identity(),
        task=EVIL,
        device=EVIL,
        recipe=EVIL,
        message=EVIL,
        metric=f"val/{EVIL}",
        metrics={f"val/{EVIL}": 1.0, "train/loss": 0.5},
        steps_total=100,
        step=50,
        steps_per_epoch=10,
        heartbeat=time.time(),
    )
    run = create_run(runs, "evil", f"name: {EVIL}\n", f"name: {EVIL}\n", status)
    for group in ("train", "val"):
        log = MetricLog(run.metric_log(group), ("loss", EVIL))
        for step in range(1, 51):
            log.append(step, time.time(), (1 / step, 2.0))
        log.close()
    events = EventLog(run.events)
    for kind in ("log", "alarm", "checkpoint", "finding", "evaluation", "learning_rate"):
        events.append(kind, EVIL, step=9, level="error", data={"layer": EVIL})  # type: ignore[arg-type]
    events.close()
    arrays = {name: np.ones(2, np.float32) for name in ("grad_norm", "weight_norm")}
    layers = ArrayLog(run.array_log("layers"))
    layers.append(50, 0.0, {"layers": [EVIL, "head"]}, arrays)
    matrix = {"matrix": np.array([[3, 1], [1, 3]])}
    ArrayLog(run.array_log("confusion")).append(50, 0.0, {"classes": [EVIL, "b"]}, matrix)
    text = {"step": 50, "prompt": EVIL, "temperature": 1.0, "samples": [EVIL]}
    publish_files(run.samples, 50, {"text.json": json.dumps(text).encode()})
    publish_files(run.samples, 50, pair_files(50, EVIL, [(EVIL, EVIL, EVIL)], [True]))
    run.worker_log.write_text(f"{EVIL}\n{EVIL}\n")
    return run


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("evil")
    run = evil_run(folder / "runs")
    evil_run(folder / "runs")
    with WorkerLock(run.lock_path):
        yield folder, run


def said_by(folder: Path, arguments: list[str], keys: bytes = b"", patience_s: float = 6) -> bytes:
    """All bytes that a terminal gets from `dltui ARGUMENTS` while keys are pressed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(environment(folder))
        os.execv(sys.executable, [sys.executable, "-m", "dltui", *arguments])
    said = b""
    waiting = [keys[i : i + 1] for i in range(len(keys))]
    end = time.monotonic() + patience_s + len(keys) / 2
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:  # Linux says so when the other end of a pty has gone
                break
        elif waiting:
            os.write(terminal, waiting.pop(0))
        elif keys:
            break
    os.kill(child, 9)  # those that follow a run go on until then
    os.waitpid(child, 0)
    os.close(terminal)
    return said


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["plot", "last"],
        ["doctor", "last"],
        ["export", "last", "--to", "csv"],
        ["stop", EVIL],
        ["train", EVIL],
        ["watch", "evil-1", "--plain"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_command_hands_an_escape_sequence_on(evil: Any, arguments: list[str]) -> None:
    said = said_by(evil[0], arguments)
    assert len(said) > 20
    assert [word for word in FORBIDDEN if word in said] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["watch", "evil-1"], b"123456789z?\x1b8z\x1bvv5v<>"),
        ([], b"\t\t\rv58"),
        (["compare", "evil-1", "evil-2"], b"nNvx?"),
    ],
    ids=["watch", "home", "compare"],
)
def test_no_screen_hands_an_escape_sequence_on(
    evil: Any, arguments: list[str], keys: bytes
) -> None:
    said = said_by(evil[0], arguments, keys)
    assert len(said) > 2000
    assert [word for word in FORBIDDEN if word in said] == []


class Bomb:
    """Makes a file when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("file", ["model.pt", "training.pt", "ema.pt"])
def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(
    tmp_path: Path, file: str
) -> None:
    folder, mark = tmp_path / "step_00000001", tmp_path / "it ran"
    folder.mkdir()
    average = {"average": {"w": torch.ones(1)}, "updates": 1}
    write_checkpoint(folder, {"w": torch.ones(1)}, {"step": 1, "ema": average})
    read_checkpoint(folder)
    torch.save({"w": Bomb(mark)}, folder / file)
    with pytest.raises(StoreError, match="cannot be read"):
        read_checkpoint(folder)
    (folder / file).write_bytes(pickle.dumps({"w": Bomb(mark)}))
    with pytest.raises(StoreError, match="cannot be read"):
        read_checkpoint(folder)
    assert not mark.exists()


def test_a_recipe_cannot_trust_its_own_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    plugin = tmp_path / "mine.py"
    plugin.write_text(f"import dltui\nopen({str(tmp_path / 'it ran')!r}, 'w')\n")
    for claim in ("trust: true", "plugins_trusted: true", f"trusted: [{plugin}]"):
        recipe = tmp_path / "mine.yaml"
        text = f"dltui: 1\nplugins: [mine.py]\n{claim}\nmodel: {{layers: [{{linear: 2}}]}}\n"
        recipe.write_text(text)
        with pytest.raises(RecipeError, match="unknown section"):
            load_recipe(recipe)
        assert not is_trusted(plugin)
    assert not (tmp_path / "it ran").exists()
