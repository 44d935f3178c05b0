"""The plain values of `describe.py` as lines of text, for pipes, screen readers and logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_MAX_NAME = 100
_GAP = "  "


def size_text(size_bytes: float) -> str:
    """`147 kB`, `44.7 MB`, `2.1 GB`: powers of a thousand, three digits."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    for power, unit in enumerate(_UNITS, start=1):
        size = size_bytes / 1000**power
        if size < 999.5:
            digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
            return f"{size:.{digits}f} {unit}"
    return f"{size:,.0f} {unit}"


def shape_text(shape: Sequence[int]) -> str:
    """`64×3×7×7`, or `scalar`."""
    return "×".join(map(str, shape)) or "scalar"


def whole_lines(found: Json) -> Iterator[str]:
    """The summary that stands where there is no screen."""
    yield _GAP.join(
        (
            found["path"],
            size_text(found["bytes"]),
            found["format"],
            f"{len(found['tensors']):,} tensors",
            f"{found['parameters']:,} parameters",
        )
    )
    yield from found["notes"]
    if found["tensors"]:
        yield ""
        yield from tensor_lines(found["tensors"])
    if found["metadata"]:
        yield from ("", "metadata")
        yield from tree_lines(found["metadata"], "  ")
    if found["globals"]:
        yield from ("", "code that the file names; none of it was run or imported")
        yield from (f"  {name}" for name in found["globals"])


def tensor_lines(found: Sequence[Json]) -> Iterator[str]:
    """A table of name, type, shape and size; a name that shares its bytes says with whom."""
    first: dict[str, str] = {}
    rows = [("name", "dtype", "shape", "bytes")]
    for tensor in found:
        owner = first.setdefault(tensor.get("storage") or tensor["name"], tensor["name"])
        shape = shape_text(tensor["shape"])
        size = size_text(tensor["bytes"])
        if tensor.get("data") is False:
            size += "  no values in the file"
        elif owner != tensor["name"]:
            size += f"  shared with {owner}"
        rows.append((tensor["name"], tensor["dtype"], shape, size))
    yield from table(rows)


def metadata_lines(found: Json) -> Iterator[str]:
    """Every section that is not empty, indented."""
    for title, value in found.items():
        if value:
            yield title
            yield from tree_lines(value, "  ")


def value_lines(found: Json) -> Iterator[str]:
    """The part of a tensor, a row a line, a blank line between matrices."""
    shape = shape_text(found["shape"])
    yield f"{found['name']}[{found['slice']}]  of {found['dtype']} {shape}"
    yield from _matrix_lines(found["values"])


def tree_lines(value: Any, indent: str) -> Iterator[str]:
    """Nested plain values, one a line, indented by depth; short lists on one line."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if _is_nested(item):
            yield f"{indent}{key}:"
            yield from tree_lines(item, indent + "  ")
        elif isinstance(item, list):
            yield f"{indent}{key}: [{', '.join(map(_scalar, item))}]"
        else:
            yield f"{indent}{key}: {_scalar(item)}"


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side, each as wide as its longest entry."""
    columns = len(rows[0])
    widths = [min(max(len(row[at]) for row in rows), _MAX_NAME) for at in range(columns - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield _GAP.join((*cells, row[-1])).rstrip()


def _matrix_lines(values: Any) -> Iterator[str]:
    if not isinstance(values, list):
        yield _scalar(values)
    elif not any(isinstance(item, list) for item in values):
        yield _GAP.join(f"{_scalar(item):>12}" for item in values)
    else:
        is_matrix = all(
            isinstance(row, list) and not any(isinstance(item, list) for item in row)
            for row in values
        )
        for number, item in enumerate(values):
            if number and not is_matrix:
                yield ""
            yield from _matrix_lines(item)


def _is_nested(item: Any) -> bool:
    if isinstance(item, list):
        return any(isinstance(entry, dict | list) for entry in item)
    return isinstance(item, dict) and bool(item)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value is None else str(value)


LINES: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "tensors": tensor_lines,
    "metadata": metadata_lines,
    "values": value_lines,
}
"""By view."""
