"""The progress bar of `dltui train --headless` in a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from dltui.cli.follow import Follower, poll_to_the_end
from dltui.runs.reader import RunReader
from dltui.runs.status import ENDED_STATES, RunState, Status

_POLL_S = 0.25


def follow_with_bar(reader: RunReader) -> RunState:
    """Events and evaluations as lines above a bar; returns the state in which the run ended."""
    console = Console(highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(reader.folder.name), total=None)
        follower = Follower(reader, lambda line: console.print(Text(line)), with_progress=False)
        while True:
            state = poll_to_the_end(reader)
            follower.tell()
            status = reader.status
            progress.update(
                task,
                total=status.steps_total,
                completed=status.step,
                description=escape(_description(status, state)),
            )
            if state in ENDED_STATES:
                return state
            time.sleep(_POLL_S)


def _description(status: Status, state: RunState) -> str:
    loss = status.metrics.get("train/loss")
    shown = "" if loss is None else f"  loss {loss:.3g}"
    rate = f"  {status.samples_per_s:,.0f}/s" if status.samples_per_s else ""
    return f"{status.name} {state}  epoch {status.epoch:.1f}{shown}{rate}"
