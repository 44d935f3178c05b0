"""`dltui runs`: the list of runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dltui.runs.catalogue import Catalogue, RunSummary
from dltui.runs.clean import printable
from dltui.runs.filter import RunFilter
from dltui.runs.status import state_word

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
_NAME_WIDTH = 18
"""A name may be cut to so many cells before a column is left out."""
_STYLES = {"running": "green", "finished": "green", "failed": "red", "died": "red"}


def list_runs(runs: Path, *, filters: Sequence[str] = (), as_json: bool = False) -> int:
    """Prints the runs that pass all filters, newest first. Raises UsageError on a bad filter."""
    wanted = RunFilter.parse(" ".join(filters))
    catalogue = Catalogue(runs)
    listed = catalogue.list()
    found = [summary for summary in listed if wanted.matches(summary.facts())]
    for name, problem in catalogue.problems.items():
        print(f"dltui: {printable(str(runs / name))} is left out: {problem}", file=sys.stderr)
    if as_json:
        print(json.dumps([summary.as_json() for summary in found], indent=2, allow_nan=False))
    elif found:
        _print_table(found)
    else:
        what = "no run passes this filter" if filters else "there are no runs yet"
        unknown = wanted.unknown_keys(summary.facts() for summary in listed) if listed else []
        why = f": none has {', '.join(unknown)}" if unknown else ""
        print(f"dltui: {what} in {runs}{printable(why)}", file=sys.stderr)
    return 0


def _print_table(found: Sequence[RunSummary]) -> None:
    from rich.table import Table
    from rich.text import Text

    from dltui.cli.tables import table_console

    console = table_console()
    cells = [_cells(summary) for summary in found]
    shown, name_width = _fitting(cells, console.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for title in shown:
        justify: Literal["left", "right"] = "right" if title in ("epoch", "time") else "left"
        width = name_width if title == "run" else None
        table.add_column(title, justify=justify, no_wrap=True, max_width=width)
    with_signs = console.encoding.startswith("utf")
    for summary, row in zip(found, cells, strict=True):
        style = _STYLES.get(summary.state, "")
        styles = {"run": "bold", "state": style}
        sign = Text(SIGNS[summary.state] if with_signs else "", style)
        table.add_row(sign, *(Text(row[title], styles.get(title, "")) for title in shown))
    console.print(table)


def _cells(summary: RunSummary) -> dict[str, str]:
    """The columns from left to right."""
    status = summary.status
    return {
        "run": summary.name,
        "state": state_word(summary.state, status.message),
        "epoch": epoch_text(summary),
        "best": best_text(summary),
        "time": duration_text(status.elapsed_s),
        "started": date_text(status.started or status.created),
        "device": status.device,
    }


def _fitting(cells: Sequence[dict[str, str]], width: int) -> tuple[list[str], int]:
    """The columns that fit into `width` cells, and how many of these the names get."""
    widest = {title: max(len(row[title]) for row in cells) for title in cells[0]}
    needed = {title: max(len(title), size) + 2 for title, size in widest.items()}
    shown = list(needed)
    for dropped in ("device", "started", "time", "epoch", "best"):
        rest = width - 3 - sum(needed[title] for title in shown if title != "run")
        if rest >= min(needed["run"], _NAME_WIDTH):
            break
        shown.remove(dropped)
    rest = width - 3 - sum(needed[title] for title in shown if title != "run")
    return shown, max(rest, 8)


def epoch_text(summary: RunSummary) -> str:
    """`4/20`, or the steps of a run that counts no epochs."""
    status = summary.status
    if status.epochs_total:
        return status.epoch_text
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
