"""A folder of runs of its own, the command line, and terminals that are closed in the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dltui.errors import DltuiError
from dltui.launch import kill_run
from dltui.runs import Event, EventReader, MetricReader, RunFolder, Status, find_run, read_status
from dltui.runs.layout import run_folders
from tests.e2e.terminal import Terminal, dltui, environment

PATIENCE_S = 120.0
DIGITS = """\
dltui: 1
name: digits
data: {type: builtin, name: digits, batch_size: 16, limit: 400, augment: [{crop: {padding: 1}}]}
model:
  layers:
    - conv: {out: 8, bias: false}
    - bn
    - relu
    - dropout: 0.2
    - flatten
    - linear: $(data.classes)
task: {type: classify}
optimizer: {type: adamw, lr: 0.001}
trainer:
  epochs: 100000
  device: cpu
  evaluate_every_epochs: 10
  checkpoint: {every_steps: 100}
"""


class Place:
    """A folder with recipes, runs, settings and caches of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.runs = folder / "runs"
        self.environment = environment(folder)
        self.terminals: list[Terminal] = []
        self.write("digits.yaml", DIGITS)

    def write(self, name: str, text: str) -> None:
        """A file of the user's."""
        (self.folder / name).write_text(text)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`dltui ARGUMENTS` without a terminal, to its end."""
        return subprocess.run(
            dltui(*arguments),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def say(self, *arguments: str) -> str:
        """What a command that succeeds prints."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def terminal(self, *arguments: str, size: tuple[int, int] = (120, 36)) -> Terminal:
        """A terminal of its own that runs `dltui ARGUMENTS`."""
        self.terminals.append(
            Terminal(dltui(*arguments), size=size, env=self.environment, cwd=self.folder)
        )
        return self.terminals[-1]

    def run(self, name: str = "last") -> Run:
        """A run of this folder by its name."""
        return Run(find_run(self.runs, name))

    def close(self) -> None:
        """Close the terminals and end the workers."""
        for terminal in self.terminals:
            terminal.hang_up()
        for path in run_folders(self.runs) if self.runs.is_dir() else []:
            with contextlib.suppress(DltuiError):
                kill_run(RunFolder(path))


class Run:
    """What the folder of a run says."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    @property
    def status(self) -> Status:
        return read_status(self.folder.path)

    @property
    def pid(self) -> int:
        """The process that trains."""
        process = self.status.process
        assert process is not None
        return process.pid

    def events(self) -> list[Event]:
        reader = EventReader(self.folder.events)
        reader.poll()
        return reader.events

    def answers(self) -> list[tuple[str, bool]]:
        """The commands that the worker has confirmed or refused, in order."""
        found = [event.data for event in self.events() if event.kind == "command"]
        return [(data["kind"], data["ok"]) for data in found]

    def column(self, name: str) -> dict[int, float]:
        """A value of training by its step."""
        reader = MetricReader(self.folder.metric_log("train"))
        reader.poll()
        values = reader.values[:, reader.columns.index(name)]
        return dict(zip(reader.steps.tolist(), values.tolist(), strict=True))

    def until(self, is_so: Callable[[], Any]) -> Any:
        """Wait for something to become true; fails with the worker's log."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := is_so():
                return found
            time.sleep(0.1)
        raise AssertionError(f"{self.status}\n{self.folder.worker_log.read_text()}")

    def until_further(self, steps: int = 20) -> int:
        """Wait until the training has gone on by so many steps."""
        start = max(self.column("loss"), default=0)
        return int(self.until(lambda: (now := max(self.column("loss"))) > start + steps and now))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One folder a module, so that its tests can share a run."""
    made = Place(tmp_path_factory.mktemp("place"))
    yield made
    made.close()
