"""The plain values of `describe.py` as lines of text, for pipes, screen readers and logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dltui.inspect.visible import visible

Json = dict[str, Any]
_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_MAX_NAME = 100
_GAP = "  "
_SHADES = " .:-=+*#%@"


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
    if found["architecture"]:
        yield found["architecture"]
    yield from found["notes"]
    yield ""
    yield from finding_lines(found)
    if len(found["parts"]) > 1:
        yield from ("", "parts")
        yield from table(
            [
                (f"  {part['title']}", f"{part['tensors']:,} tensors", size_text(part["bytes"]))
                for part in found["parts"]
            ]
        )
    if found["progress"]:
        yield from ("", "training")
        yield from tree_lines(found["progress"], "  ")
    if found["tensors"]:
        yield ""
        yield from tensor_lines(found["tensors"])
    yield from ("", "memory")
    yield from (f"  {line}" for line in memory_lines(found["memory"]))
    if found["metadata"]:
        yield from ("", "metadata")
        yield from tree_lines(found["metadata"], "  ")
    if found["globals"]:
        yield from ("", "code that the file names; none of it was run or imported")
        yield from (f"  {name}" for name in found["globals"])


def finding_lines(found: Json) -> Iterator[str]:
    """What is wrong, errors first, each with the tensor that it is about."""
    for finding in found["findings"]:
        where = f"{visible(finding['tensor'])}: " if finding["tensor"] else ""
        yield f"{finding['severity']}: {where}{visible(finding['message'])}"
    if not found["findings"]:
        yield "nothing wrong found"
    if found["checked"] == "names":
        yield "only names, types and shapes were looked at; --stats reads the values"


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


def memory_lines(found: Sequence[Json]) -> Iterator[str]:
    """Ways to keep the model, with their sizes and how these come about."""
    yield from table([(row["title"], size_text(row["bytes"]), row["formula"]) for row in found])


def node_lines(found: Sequence[Json]) -> Iterator[str]:
    """Modules and tensors, indented by depth; folded blocks say how often they are there."""
    rows: list[tuple[str, ...]] = [("module", "shape", "dtype", "parameters", "bytes")]
    for root in found:
        rows += _node_rows(root | {"name": f"{root['part']} {root['path']}".strip()}, 0)
    yield from table(rows)


def optimizer_lines(found: Sequence[Json]) -> Iterator[str]:
    """What the optimizer keeps, beside the parameter that it is for."""
    if not found:
        yield "no optimizer state"
        return
    rows = [("parameter", "state", "shape", "dtype", "bytes")]
    rows += [
        (
            slot["parameter"] or f"? ({slot['tensor']})",
            slot["slot"],
            shape_text(slot["shape"]),
            slot["dtype"],
            size_text(slot["bytes"]),
        )
        for slot in found
    ]
    yield from table(rows)


def stats_lines(found: Sequence[Json]) -> Iterator[str]:
    """A row of figures a tensor; all figures where there is only one."""
    if len(found) == 1 and "statistics" in found[0]:
        yield f"{found[0]['name']}  {found[0]['dtype']} {shape_text(found[0]['shape'])}"
        figures = {k: v for k, v in found[0]["statistics"].items() if k != "histogram"}
        yield from tree_lines(figures, "  ")
        return
    heads = ("min", "max", "mean", "std", "zeros", "nan", "infinite")
    rows = [("name", "shape", *heads)]
    for tensor in found:
        figures = tensor.get("statistics", {})
        cells = [_figure(figures[head]) if figures else "" for head in heads]
        if not figures:
            cells[-1] = tensor["unread"]
        rows.append((tensor["name"], shape_text(tensor["shape"]), *cells))
    yield from table(rows)


def histogram_lines(found: Json) -> Iterator[str]:
    """A bar of `#` a bucket, the longest of 50."""
    yield f"{found['name']}  {found['dtype']} {shape_text(found['shape'])}"
    counts = found["counts"]
    width = (found["high"] - found["low"]) / len(counts) if counts else 0
    most = max(counts, default=0)
    rows = [
        (_figure(found["low"] + at * width), f"{count:,}", "#" * round(50 * count / (most or 1)))
        for at, count in enumerate(counts)
    ]
    if rows:
        yield from table([("from", "values", ""), *rows])
    else:
        yield "no finite value"
    yield from (f"{found[kind]:,} {kind}" for kind in ("nan", "infinite") if found[kind])


def spectrum_lines(found: Json) -> Iterator[str]:
    """Ranks and the power law, then the singular values, the largest first."""
    yield f"{found['name']}  {found['dtype']} {shape_text(found['shape'])}"
    listed = ("name", "dtype", "shape", "singular_values")
    yield from tree_lines({k: v for k, v in found.items() if k not in listed}, "  ")
    values = found["singular_values"]
    yield f"  singular values, {len(values):,}:"
    for begin in range(0, len(values), 8):
        yield "  " + _GAP.join(f"{_figure(value):>10}" for value in values[begin : begin + 8])


def picture_lines(found: Json) -> Iterator[str]:
    """Pictures below each other, in signs: `@` far from zero, a blank at it."""
    yield f"{found['name']}  {found['dtype']} {shape_text(found['shape'])}"
    yield f"{found['title']}; {_SHADES[-1]} is {_figure(found['limit'])} or more, of either sign"
    for caption, image in zip(found["captions"], found["images"], strict=True):
        yield from ("", caption)
        for row in image:
            yield "".join(map(_shade, row)).rstrip()


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
    shown = [tuple(map(visible, row)) for row in rows]
    columns = len(shown[0])
    widths = [min(max(len(row[at]) for row in shown), _MAX_NAME) for at in range(columns - 1)]
    for row in shown:
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


def _node_rows(node: Json, depth: int) -> list[tuple[str, ...]]:
    indent = "  " * depth
    times = f" ×{node['times']}" if "times" in node else ""
    said = f"  {node['class']}" if "class" in node else ""
    size = size_text(node["bytes"])
    module = f"{indent}{node['name']}{times}{said}"
    rows: list[tuple[str, ...]] = [(module, "", "", f"{node['parameters']:,}", size)]
    for tensor in node["tensors"]:
        name = tensor["name"].rpartition(".")[2]
        rows.append(
            (
                f"{indent}  {name}",
                shape_text(tensor["shape"]),
                tensor["dtype"],
                "",
                size_text(tensor["bytes"]),
            )
        )
    for child in node["children"]:
        rows += _node_rows(child, depth + 1)
    return rows


def _shade(pixel: int | list[int]) -> str:
    """How far from zero, which is 128; of a colour the mean."""
    level = sum(pixel) / len(pixel) if isinstance(pixel, list) else pixel
    at = min(int(abs(level - 128) / 128 * len(_SHADES)), len(_SHADES) - 1)
    return _SHADES[at] * 2


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else f"{value:,}"


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
    "tree": node_lines,
    "findings": finding_lines,
    "metadata": metadata_lines,
    "memory": memory_lines,
    "optimizer": optimizer_lines,
    "stats": stats_lines,
    "histogram": histogram_lines,
    "picture": picture_lines,
    "spectrum": spectrum_lines,
    "values": value_lines,
}
"""By view."""
