"""What the commands on checkpoints share: how one is named, and how results are printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError, RunNotFoundError, UsageError

MAX_LINE = 20_000


def checkpoint_path(text: str, runs: Path | None) -> Path:
    """A file or folder as it is named, else the checkpoint of a run: `RUN`, `RUN@1200`, `RUN@best`.

    Raises CheckpointError if it is neither, StoreError if the run has no such checkpoint.
    """
    if os.path.lexists(text):
        return Path(text)
    from dltui.paths import runs_folder
    from dltui.runs import find_run
    from dltui.runs.checkpoints import checkpoint_at, pointed

    name, _, at = text.partition("@")
    if "/" in name or not (at in ("", "best", "latest") or at.isdecimal()):
        raise _missing(text)
    try:
        run = find_run(runs or runs_folder(), name)
    except RunNotFoundError as error:
        raise _missing(text) from error
    if at == "best":
        found = pointed(run.checkpoints, "best")
        if found is None:
            raise UsageError(f"the run {run.name} has no best checkpoint", where=str(run.path))
        return found
    return checkpoint_at(run.checkpoints, int(at) if at.isdecimal() else None)


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines that hold names from a file: nothing in them acts on the terminal."""
    from dltui.inspect.visible import visible

    for line in lines:
        sys.stdout.write(visible(line, MAX_LINE) + "\n")


def print_json(value: Any) -> None:
    """Prints one JSON value, strict and in ASCII."""
    from dltui.inspect.plain_json import json_text

    sys.stdout.write(json_text(value) + "\n")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """What takes (done, total) and draws a bar on stderr; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield show


def _missing(text: str) -> CheckpointError:
    return CheckpointError(
        "no such file or folder, and no run of that name",
        where=text,
        remedy="give a path, or RUN, RUN@STEP, RUN@best as in `dltui runs`",
    )
