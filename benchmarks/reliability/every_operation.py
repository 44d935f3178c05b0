"""kill -9 before each single operation on files that the store's writers do, one after another.

Random kills seldom fall between two renames; here the child counts its operations (Python's audit
events of the file system, and `fsync`) and kills itself before number n, for every n there is.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.rows import Plan, Row
from dltui.runs import (
    EventLog,
    Inbox,
    RunFolder,
    Status,
    create_run,
    pointed,
    publish_checkpoint,
    publish_samples,
    read_samples,
    read_status,
    write_status,
)
from dltui.runs.atomic import TEMPORARY
from dltui.runs.checkpoints import step_of, sweep_checkpoints
from dltui.runs.layout import open_run, run_folders, sweep_half_made
from dltui.runs.samples import sample_folders

_OPERATIONS = frozenset(
    ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree")
)
_MOST = 500


@dataclass(frozen=True, slots=True)
class Case:
    """`act` is killed on a copy of what `prepare` made; `check` says what is wrong after that."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    check: Callable[[Path], list[str]]


def every_operation(plan: Plan) -> Row:
    """All cases at all their operations."""
    began = time.monotonic()
    losses: list[str] = []
    times = 0
    for case in CASES:
        home = plan.folder / case.name
        home.mkdir()
        case.prepare(home)
        for number in range(1, _MOST):
            place = plan.folder / f"{case.name}-{number}"
            shutil.copytree(home, place, symlinks=True)
            ended = _act_and_die(case, place, number)
            if ended:
                break
            times += 1
            losses += [f"{case.name}, operation {number}: {text}" for text in case.check(place)]
            shutil.rmtree(place)
    return Row(
        "every-operation",
        "kill -9 before each single file operation of saving a checkpoint, samples, a status, a"
        " command, and of making a run",
        times,
        len(losses),
        "broken states",
        time.monotonic() - began,
        tuple(losses),
    )


def _act_and_die(case: Case, place: Path, number: int) -> bool:
    """Whether the child came to its end before operation `number`."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _die_before(number)
            case.act(place)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{case.name} failed")
    return True


def _die_before(number: int) -> None:
    left = number

    def count(event: str, *_: object) -> None:
        nonlocal left
        if event in _OPERATIONS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sync = os.fsync

    def counted_sync(descriptor: int) -> None:
        count("open")
        sync(descriptor)

    os.fsync = counted_sync  # type: ignore[assignment]
    sys.addaudithook(count)


def _filled(step: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name in ("model.pt", "training.pt"):
            (folder / name).write_text(f"{step}")

    return write


def _saved(folder: Path) -> None:
    for step in (100, 200):
        publish_checkpoint(folder, step, _filled(step), best=step == 100, keep=1)


def _save(step: int, *, best: bool) -> Callable[[Path], None]:
    return lambda folder: (
        publish_checkpoint(folder, step, _filled(step), best=best, keep=1) and None
    )


def _both_load(folder: Path) -> list[str]:
    """Before and after the sweep of the next start."""
    found = _unsound(folder)
    sweep_checkpoints(folder)
    found += [f"after the sweep {text}" for text in _unsound(folder)]
    return found + [f"{path.name} stayed" for path in folder.glob(f"{TEMPORARY}*")]


def _unsound(folder: Path) -> list[str]:
    found = []
    for pointer, least in (("latest", 200), ("best", 100)):
        saved = pointed(folder, pointer)
        if saved is None or (step_of(saved) or 0) < least:
            found.append(f"{pointer} is {saved and saved.name}")
            continue
        held = [(saved / name).read_text() for name in ("model.pt", "training.pt")]
        if held != [str(step_of(saved))] * 2:
            found.append(f"{pointer} is {saved.name} and holds {held}")
    return found


def _text(step: int) -> Callable[[Path], None]:
    return lambda folder: (folder / "text.json").write_text(f'{{"step": {step}}}') and None


def _samples_are_whole(folder: Path) -> list[str]:
    steps = [(step_of(path), read_samples(path, "text")) for path in sample_folders(folder, "text")]
    wrong = [f"step {step} holds {held}" for step, held in steps if held != {"step": step}]
    return wrong if steps and steps[0][0] == 1 else [*wrong, "the former sample is gone"]


def _run(home: Path) -> None:
    create_run(home / "runs", "first", "a: 1", "a: 1", Status(step=1), now=0.0)


def _only_run(home: Path) -> RunFolder:
    return open_run(run_folders(home / "runs")[-1])


def _status_is_whole(home: Path) -> list[str]:
    step = read_status(_only_run(home).path).step
    return [] if step in (1, 2) else [f"the status says step {step}"]


def _second_is_whole_or_absent(home: Path) -> list[str]:
    sweep_half_made(home / "runs", older_than_s=-1)
    found = [f"{path.name} stayed" for path in (home / "runs").glob(".new-*")]
    for path in run_folders(home / "runs"):
        run = open_run(path)
        parts = (run.recipe, run.resolved, run.inbox, run.checkpoints)
        found += [f"{path.name} has no {part.name}" for part in parts if not part.exists()]
        read_status(path)
    return found


def _take(home: Path) -> None:
    run = _only_run(home)
    inbox = Inbox(run.inbox, EventLog(run.events))
    for command in inbox.take():
        inbox.acknowledge(command, ok=True, detail="done", step=1)


def _command_is_answered_once(home: Path) -> list[str]:
    """What a killed worker took is refused by the next: nothing is done twice or forgotten."""
    run = _only_run(home)
    log = EventLog(run.events)
    Inbox(run.inbox, log).discard("meant for an earlier worker")
    log.close()
    answers = run.events.read_text().count('"kind": "stop"')
    waiting = Inbox(run.inbox).waiting()
    wrong = [] if 1 <= answers <= 2 else [f"{answers} answers to one command"]
    return wrong + [f"{name} still waits" for name in waiting]


def _sent(home: Path) -> None:
    _run(home)
    Inbox(_only_run(home).inbox).send("stop")


CASES = (
    Case("new-checkpoint", _saved, _save(300, best=False), _both_load),
    Case("best-checkpoint", _saved, _save(300, best=True), _both_load),
    Case("checkpoint-again", _saved, _save(200, best=True), _both_load),
    Case(
        "samples",
        lambda folder: publish_samples(folder, 1, _text(1)) and None,
        lambda folder: publish_samples(folder, 2, _text(2)) and None,
        _samples_are_whole,
    ),
    Case(
        "status",
        _run,
        lambda home: write_status(_only_run(home).path, Status(step=2)),
        _status_is_whole,
    ),
    Case(
        "run",
        _run,
        lambda home: create_run(home / "runs", "second", "a: 1", "a: 1", Status()) and None,
        _second_is_whole_or_absent,
    ),
    Case("command", _sent, _take, _command_is_answered_once),
)
