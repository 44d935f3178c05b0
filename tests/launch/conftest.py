"""Runs with a small worker in place of the training: it obeys commands and writes its status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.launch.control import kill_process
from dltui.runs.layout import RunFolder, create_run
from dltui.runs.living import read_launch
from dltui.runs.status import Status

WORKER = Path(__file__).with_name("obedient_worker.py")


def obedient(run: Path, *, resume: bool = False) -> list[str]:
    return [sys.executable, str(WORKER), str(run), *(["--resume"] if resume else [])]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    monkeypatch.setattr("dltui.launch.spawn.worker_command", obedient)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = create_run(tmp_path / "runs", "digits", "", RESOLVED, Status(state="starting"))
    yield made
    launched = read_launch(made.path)
    if launched is not None:
        kill_process(launched, wait_s=10)


RESOLVED = """\
dltui: 1
data: {type: builtin, name: digits}
model: {layers: [flatten, {linear: 10}]}
task: {type: classify}
trainer: {epochs: 1}
"""
