"""One line of the table: what was tried, how often, and what was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`lost` counts what broke a promise; `losses` says the first of it in words."""

    name: str
    tried: str
    times: int
    lost: int
    what: str
    """What `lost` counts."""
    seconds: float = 0.0
    losses: tuple[str, ...] = ()
    notes: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard to try; `times` and `minutes` are None where the experiment's own hold."""

    folder: Path
    times: int | None = None
    minutes: float | None = None
    seed: int = 0


Experiment = Callable[[Plan], Row]


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what was tried | times | lost |", "|---|---|---|"]
    for row in rows:
        notes = f"; {row.notes}" if row.notes else ""
        lines.append(f"| {row.tried}{notes} | {row.times:,} | {row.lost} {row.what} |")
    return "\n".join(lines)
