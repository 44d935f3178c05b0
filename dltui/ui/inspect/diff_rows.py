"""A difference as rows of a table, and one of them in words."""

from __future__ import annotations

import math

from dltui.charts.numbers import format_value
from dltui.inspect.contents import Tensor
from dltui.inspect.diff import Change, Difference, Pair
from dltui.inspect.text import shape_text, size_text
from dltui.inspect.visible import visible
from dltui.ui.panes.lines import Line
from dltui.ui.panes.table import Column, Row

FULL = (
    Column("what", 9),
    Column("tensor", 0, path=True),
    Column("changed", 9, right=True),
    Column("max |Δ|", 10, right=True),
    Column("rel. L2", 10, right=True),
    Column("cosine", 9, right=True),
)
SMALL = (Column("what", 9), Column("tensor", 0, path=True), Column("rel. L2", 9, right=True))
_TONES = {"changed": "warning", "added": "good", "removed": "bad", "unread": "bad"}
_NOTHING = ("", "dim")


def columns(width: int) -> tuple[Column, ...]:
    """Those that have room."""
    return FULL if width >= 80 else SMALL


def difference_rows(found: Difference, width: int) -> list[Row]:
    """Values by how much they changed, then other shapes and types, then what is in one alone."""
    rows = [_plain_row("unread", name) for name, _ in found.unread]
    rows += [_change_row(change) for change in found.changed]
    for what, pairs in (("reshaped", found.reshaped), ("retyped", found.retyped)):
        rows += [_plain_row(what, pair.a.name) for pair in pairs]
    rows += [_plain_row("added", tensor.name) for tensor in found.added]
    rows += [_plain_row("removed", tensor.name) for tensor in found.removed]
    return rows if width >= 80 else [_narrow(row) for row in rows]


def counts_words(found: Difference) -> str:
    """`60 same · 2 changed · 1 added`."""
    counts = {
        "same": found.same,
        "changed": len(found.changed),
        "reshaped": len(found.reshaped),
        "retyped": len(found.retyped),
        "added": len(found.added),
        "removed": len(found.removed),
        "unread": len(found.unread),
    }
    return " · ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def in_words(found: Difference, key: str) -> list[Line]:
    """What one row says, in sentences."""
    what, _, name = key.partition(":")
    lines: list[Line] = [((visible(name), "strong"),)]
    if what == "changed":
        change = next(change for change in found.changed if change.name == name)
        return lines + [((sentence, ""),) for sentence in _sentences(change)]
    if what in ("reshaped", "retyped"):
        pairs = found.reshaped if what == "reshaped" else found.retyped
        pair = next(pair for pair in pairs if pair.a.name == name)
        return [*lines, ((_pair_words(pair), ""),)]
    if what == "unread":
        why = next(why for unread, why in found.unread if unread == name)
        return [*lines, ((f"not compared: {why}", "bad"),)]
    tensors = found.added if what == "added" else found.removed
    tensor = next(tensor for tensor in tensors if tensor.name == name)
    which = "second" if what == "added" else "first"
    return [*lines, ((f"only in the {which} file: {_tensor_words(tensor)}", ""),)]


def _sentences(change: Change) -> list[str]:
    share = change.changed / max(1, change.elements)
    said = [
        f"{change.changed:,} of {change.elements:,} values differ ({share:.3%}), "
        f"by {format_value(change.max_abs)} at most",
        f"‖Δ‖ / ‖a‖ = {format_value(change.relative_l2)}   "
        f"‖a‖ = {format_value(change.norm_a)}   ‖b‖ = {format_value(change.norm_b)}   "
        f"cosine {format_value(change.cosine, 6)}",
    ]
    if change.non_finite:
        said.append(f"▲ {change.non_finite:,} are NaN or infinite in one of the two only")
    if change.name_b != change.name:
        said.append(f"called {visible(change.name_b)} in the second file")
    return said


def _change_row(change: Change) -> Row:
    share = change.changed / max(1, change.elements)
    cosine = "" if math.isnan(change.cosine) else format_value(change.cosine, 5)
    cells = (
        ("changed", _TONES["changed"]),
        (visible(change.name, 200), ""),
        (f"{share:.1%}", "dim"),
        (format_value(change.max_abs), ""),
        (format_value(change.relative_l2), ""),
        (cosine, "dim"),
    )
    order = (
        "changed",
        change.name,
        share,
        change.max_abs,
        change.relative_l2,
        change.cosine,
    )
    return Row(f"changed:{change.name}", cells, order)


def _plain_row(what: str, name: str) -> Row:
    shown = visible(name, 200)
    cells = ((what, _TONES.get(what, "accent")), (shown, ""), *(_NOTHING for _ in range(4)))
    return Row(f"{what}:{name}", cells, (what, name, *(math.nan for _ in range(4))))


def _narrow(row: Row) -> Row:
    return Row(
        row.key,
        (row.cells[0], row.cells[1], row.cells[4]),
        (row.order[0], row.order[1], row.order[4]),
    )


def _pair_words(pair: Pair) -> str:
    return f"{_tensor_words(pair.a)}  →  {_tensor_words(pair.b)}"


def _tensor_words(tensor: Tensor) -> str:
    return f"{tensor.dtype} [{shape_text(tensor.shape)}], {size_text(tensor.size_bytes)}"
