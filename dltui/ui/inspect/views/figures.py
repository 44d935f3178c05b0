"""The statistics of a tensor as lines of text."""

from __future__ import annotations

from dltui.charts.numbers import format_value
from dltui.inspect.statistics import Statistics
from dltui.ui.panes.lines import Line, Span, fit


def statistics_lines(found: Statistics, width: int) -> list[Line]:
    """Limits, moments, what is not finite and percentiles, in as many columns as fit."""
    facts: list[tuple[str, str, str]] = [
        ("min", format_value(found.min, 4), ""),
        ("max", format_value(found.max, 4), ""),
        ("mean", format_value(found.mean, 4), ""),
        ("std", format_value(found.std, 4), ""),
        ("zeros", _share(found.zeros, found.seen), "warning" if _is_empty(found) else ""),
        ("negative", _share(found.negative, found.seen), ""),
        ("NaN", _share(found.nan, found.seen), "bad" if found.nan else ""),
        ("infinite", _share(found.infinite, found.seen), "bad" if found.infinite else ""),
        ("|max|", format_value(found.abs_max, 4), ""),
        ("L2 norm", format_value(found.l2_norm, 4), ""),
    ]
    if found.subnormal:
        facts.append(("subnormal", _share(found.subnormal, found.seen), "warning"))
    if found.at_limit:
        facts.append(("at limit", _share(found.at_limit, found.seen), "warning"))
    lines = _in_columns(facts, width)
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
    facts: list[tuple[str, str, str]], width: int, name_cells: int = 8, value_cells: int = 12
) -> list[Line]:
    """Facts in rows, two columns at least; a fact that alarms says so in words elsewhere too."""
    cell = name_cells + value_cells + 2
    columns = max(1, min(len(facts), width // cell))
    lines: list[Line] = []
    for begin in range(0, len(facts), columns):
        spans: list[Span] = []
        for name, value, tone in facts[begin : begin + columns]:
            mark = "▲ " if tone else ""
            spans.append((fit(name, name_cells), "dim"))
            spans.append((fit(mark + value, value_cells, right=True) + "  ", tone))
        lines.append(tuple(spans))
    return lines


def _share(count: int, of: int) -> str:
    """A count, with its share where it is not all or nothing."""
    if not count or not of:
        return "0"
    share = 100 * count / of
    if share >= 99.95 and count < of:
        text = "almost all"
    elif share < 0.1:
        text = "<0.1 %"
    else:
        text = "all" if count == of else f"{share:.3g} %"
    return f"{count:,} {text}" if count < 100_000 else text


def _percent(percent: float) -> str:
    return "median" if percent == 50 else f"{percent:g} %"
