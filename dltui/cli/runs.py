"""`dltui runs`: the list of runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dltui.runs.catalogue import Catalogue, RunSummary
from dltui.runs.filter import RunFilter

SIGNS = {
    "queued": "·",
    "starting": "◌",
    "running": "●",
    "paused": "‖",
    "stopping": "◍",
    "stopped": "■",
    "finished": "✓",
    "failed": "✗",
    "died": "†",
}
_STYLES = {"running": "green", "finished": "green", "failed": "red", "died": "red"}


def list_runs(runs: Path, *, filters: Sequence[str] = (), as_json: bool = False) -> int:
    """Prints the runs that pass all filters, newest first. Raises UsageError on a bad filter."""
    wanted = RunFilter.parse(" ".join(filters))
    catalogue = Catalogue(runs)
    found = [summary for summary in catalogue.list() if wanted.matches(summary.facts())]
    for name, problem in catalogue.problems.items():
        print(f"dltui: {runs / name} is left out: {problem}", file=sys.stderr)
    if as_json:
        print(json.dumps([summary.as_json() for summary in found], indent=2, allow_nan=False))
    elif found:
        _print_table(found)
    else:
        what = "no run passes this filter" if filters else "there are no runs yet"
        print(f"dltui: {what} in {runs}", file=sys.stderr)
    return 0


def _print_table(found: Sequence[RunSummary]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "run", "state", "epoch", "best", "time", "started", "device"):
        justify: Literal["left", "right"] = "right" if title in ("epoch", "time") else "left"
        table.add_column(title, justify=justify, no_wrap=title != "device")
    for summary in found:
        status = summary.status
        style = _STYLES.get(summary.state, "")
        table.add_row(
            Text(SIGNS[summary.state] if console.encoding.startswith("utf") else "", style),
            Text(summary.name, "bold"),
            Text(summary.state, style),
            epoch_text(summary),
            Text(best_text(summary)),
            duration_text(status.elapsed_s),
            date_text(status.started or status.created),
            Text(status.device),
        )
    console.print(table)


def epoch_text(summary: RunSummary) -> str:
    """`4/20`, or the steps of a run that counts no epochs."""
    status = summary.status
    if status.epochs_total:
        return f"{status.epoch:.3g}/{status.epochs_total:g}"
    return f"step {status.step:,}"


def best_text(summary: RunSummary) -> str:
    """`val/accuracy 0.981`, the best value of the main metric so far."""
    best = summary.status.best
    return f"{best.metric} {best.value:.4g}" if best else ""


def date_text(time_s: float) -> str:
    """`11-20 15:30` within this year, `2025-11-20` before; local time."""
    then = time.localtime(time_s)
    is_recent = then.tm_year == time.localtime().tm_year
    return time.strftime("%m-%d %H:%M" if is_recent else "%Y-%m-%d", then)


def duration_text(seconds: float) -> str:
    """`0:12`, `8:41`, `2:03:41`."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
