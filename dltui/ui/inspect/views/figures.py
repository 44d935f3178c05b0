"""The statistics of a tensor as lines of text."""

from __future__ import annotations

from dltui.charts.numbers import format_count, format_value
from dltui.inspect.statistics import Statistics
from dltui.ui.panes.lines import Line, Span, fit

_NAME_CELLS = 10
_FULL_CELLS, _SHORT_CELLS = 13, 10
"""Of a value: with a count and its share, and where two columns have no more room."""


def statistics_lines(found: Statistics, width: int) -> list[Line]:
    """Limits, moments, what is not finite and percentiles, in as many columns as fit."""
    if not found.count:
        return [(("no values", "dim"),)]
    cells = _FULL_CELLS if width >= 2 * (_NAME_CELLS + _FULL_CELLS + 2) else _SHORT_CELLS

    def share(count: int, tone: str = "") -> str:
        return _share(count, found.seen, cells - (2 if tone else 0))

    empty = "warning" if _is_empty(found) else ""
    nan, infinite = ("bad" if count else "" for count in (found.nan, found.infinite))
    facts: list[tuple[str, str, str]] = [
        ("min", format_value(found.min, 4), ""),
        ("max", format_value(found.max, 4), ""),
        ("mean", format_value(found.mean, 4), ""),
        ("std", format_value(found.std, 4), ""),
        ("zeros", share(found.zeros, empty), empty),
        ("negative", share(found.negative), ""),
        ("NaN", share(found.nan, nan), nan),
        ("infinite", share(found.infinite, infinite), infinite),
        ("|max|", format_value(found.abs_max, 4), ""),
        ("L2 norm", format_value(found.l2_norm, 4), ""),
    ]
    if found.subnormal:
        facts.append(("subnormal", share(found.subnormal, "warning"), "warning"))
    if found.at_limit:
        facts.append(("at limit", share(found.at_limit, "warning"), "warning"))
    lines = _in_columns(facts, width, _NAME_CELLS, cells)
    lines += [(), (("percentiles", "dim"),)]
    percentiles = [(_percent(p), format_value(v), "") for p, v in found.percentiles.items()]
    return lines + _in_columns(percentiles, width, 7, 10)


def progress_line(found: Statistics | None) -> Line:
    """How far the reading is; empty once all values are seen."""
    if found is None:
        return (("reading the values …", "dim"),)
    if not found.partial:
        return ()
    share = found.seen / max(1, found.count)
    return ((f"reading the values … {share:.0%}: figures so far", "dim"),)


def _is_empty(found: Statistics) -> bool:
    return found.seen > 1 and found.zeros == found.seen


def _in_columns(
    facts: list[tuple[str, str, str]], width: int, name_cells: int, value_cells: int
) -> list[Line]:
    """Facts in rows; a fact that alarms says so in words elsewhere too."""
    cell = name_cells + value_cells + 2
    columns = max(1, min(len(facts), (width + 2) // cell))
    lines: list[Line] = []
    for begin in range(0, len(facts), columns):
        spans: list[Span] = []
        for name, value, tone in facts[begin : begin + columns]:
            mark = "▲ " if tone else ""
            spans.append((fit(name, name_cells), "dim"))
            spans.append((fit(mark + value, value_cells, right=True) + "  ", tone))
        lines.append(tuple(spans))
    return lines


def _share(count: int, of: int, cells: int) -> str:
    """A count with its share; where both have no room, what says more."""
    if not count or not of:
        return "0"
    share = 100 * count / of
    if share >= 99.95 and count < of:
        text = "almost all"
    elif share < 0.1:
        text = "<0.1 %"
    else:
        text = "all" if count == of else f"{share:.3g} %"
    both = f"{count:,} {text}"
    if len(both) <= cells:
        return both
    return text if share >= 0.1 else format_count(count)


def _percent(percent: float) -> str:
    return "median" if percent == 50 else f"{percent:g} %"
