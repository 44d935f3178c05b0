"""When the rows of a table were measured: numbers or dates, and whether their steps are equal."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.worker.data.sources.table_file import Table, as_number

_SHORTEST_MONTH_DAYS = 28
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Times:
    """`shown` `(T,)` float64: the numbers themselves, or dates as years. `counted` `(T,)` is in
    the `unit` in which equal steps are equal, so that months count as such."""

    shown: Tensor
    counted: Tensor
    unit: str


def read_times(table: Table, name: str) -> Times:
    """The column as times; ISO dates (2024-12-31, 2024-12, 2024-12-31T18:00) or numbers.

    Raises `DataError` for cells that are neither, and where a row is not later than the one
    before.
    """
    cells = table.columns[name]
    empty = [place for place, cell in enumerate(cells) if cell is None]
    if empty:
        raise DataError(
            f"the time {name!r} is empty in {table.places(empty)}",
            where=str(table.path),
            remedy="Fill the cells in, or leave data.time out to count the rows.",
        )
    numbers = [as_number(cell) for cell in cells]
    found = [number for number in numbers if number is not None]
    if len(found) == len(cells):
        times = torch.tensor(found, dtype=torch.float64)
        _check_order(times, table, name)
        return Times(times, times, "")
    dates = [_date(str(cell)) for cell in cells]
    texts = [place for place, number in enumerate(numbers) if number is None]
    wrong = min(texts, [place for place, date in enumerate(dates) if date is None], key=len)
    if wrong:
        raise DataError(
            f"{name!r} is no time in {table.places(wrong)}: {cells[wrong[0]]!r}",
            where=str(table.path),
            remedy="Write ISO dates (2024-12-31, 2024-12-31T18:00) or numbers, or leave data.time "
            "out to count the rows.",
        )
    known = [date for date in dates if date is not None]
    seconds = torch.tensor([_seconds(date) for date in known], dtype=torch.float64)
    _check_order(seconds, table, name)
    shown = torch.tensor([_years(date) for date in known], dtype=torch.float64)
    months = _months(known)
    if months is not None:
        return Times(shown, torch.tensor(months, dtype=torch.float64), "months")
    return Times(shown, seconds, "s")


def broken_steps(times: Times, table: Table, name: str) -> tuple[Tensor, str]:
    """Rows `(T,)` that are not one usual step after the row before, and words about them."""
    broken = torch.zeros(len(times.counted), dtype=torch.bool)
    if len(broken) < 3:
        return broken, ""
    steps = times.counted.diff()
    usual = float(steps.median())
    broken[1:] = (steps - usual).abs() > _TOLERANCE * max(usual, 1e-300)
    places = broken.nonzero().flatten().tolist()
    if not places:
        return broken, ""
    other = _length(float(steps[places[0] - 1]), times.unit)
    return broken, (
        f"the steps of {name!r} are unequal: {_length(usual, times.unit)} mostly, {other} and the "
        f"like before {table.places(places)}"
    )


def _date(text: str) -> datetime | None:
    for form in (text, f"{text}-01"):  # a month stands for its first day
        try:
            date = datetime.fromisoformat(form)
        except ValueError:
            continue
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    return None


def _seconds(date: datetime) -> float:
    return (date - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def _years(date: datetime) -> float:
    start = datetime(date.year, 1, 1, tzinfo=UTC)
    days = 366 if calendar.isleap(date.year) else 365
    return date.year + (date - start) / timedelta(days=days)


def _months(dates: list[datetime]) -> list[int] | None:
    """Months counted, where all rows lie at the same place of their month; else None."""
    first = dates[0]
    if any(date.timetz() != first.timetz() for date in dates):
        return None
    same_day = all(date.day == first.day for date in dates)
    ends = all(date.day == calendar.monthrange(date.year, date.month)[1] for date in dates)
    long = all((b - a).days >= _SHORTEST_MONTH_DAYS for a, b in pairwise(dates))
    if not (long and (same_day or ends)):
        return None
    return [date.year * 12 + date.month for date in dates]


def _length(step: float, unit: str) -> str:
    if unit == "s" and step % 86_400 == 0:
        return f"{step / 86_400:g} days"
    return f"{step:g} {unit}".rstrip()


def _check_order(times: Tensor, table: Table, name: str) -> None:
    wrong = ((times.diff() <= 0).nonzero().flatten() + 1).tolist()
    if wrong:
        raise DataError(
            f"{name!r} is not later than in the row before in {table.places(wrong)}",
            where=str(table.path),
            remedy="Sort the table by time, and keep one row for each time.",
        )
