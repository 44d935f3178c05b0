"""Facts about the file, a module or a tensor, as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from dltui.charts.numbers import format_value
from dltui.inspect.contents import Checkpoint, Tensor, distinct
from dltui.inspect.pickled_code import kind_of
from dltui.inspect.text import shape_text, size_text
from dltui.inspect.tree import Node
from dltui.inspect.visible import visible
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.wording import count_text, short_dtype
from dltui.ui.panes.lines import Line, fit, fit_end

if TYPE_CHECKING:
    from dltui.ui.inspect.study import Study


def pair_lines(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Names and values in two columns; a long value goes on in the next line."""
    left = min(max((cell_len(name) for name, _ in pairs), default=0), max(8, width // 3))
    lines: list[Line] = []
    for name, value in pairs:
        for place, piece in enumerate(wrapped(value, max(8, width - left - 2))):
            lines.append(((fit(name if not place else "", left) + "  ", "dim"), (piece, "")))
    return lines


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters, cut at spaces where there are some."""
    lines, rest = [], text
    while len(rest) > width:
        cut = rest.rfind(" ", 1, width + 1)
        cut = cut if cut > 0 else width
        lines.append(rest[:cut])
        rest = rest[cut:].lstrip(" ")
    return [*lines, rest]


def heading(text: str) -> list[Line]:
    """A title with an empty line before it."""
    return [(), ((text, "header"),)]


def overview_lines(file: OpenedFile, study: Study | None, width: int) -> list[Line]:
    """The whole file: what it is, how large, its parts, how far the training was, its types."""
    checkpoint = file.checkpoint
    pairs = [
        ("file", visible(checkpoint.path.name)),
        ("folder", visible(str(checkpoint.path.absolute().parent))),
        ("format", checkpoint.format),
        ("size", f"{size_text(checkpoint.size_bytes)} ({checkpoint.size_bytes:,} bytes)"),
        ("tensors", f"{len(checkpoint.tensors):,}"),
    ]
    if len(checkpoint.files) > 1:
        pairs.append(("files", f"{len(checkpoint.files):,}"))
    if study is not None:
        pairs.insert(2, ("model", visible(study.architecture) or "not recognised"))
        pairs.append(("parameters", f"{study.parameters:,}"))
    lines = pair_lines(pairs, width)
    for note in checkpoint.notes:
        lines += _warning(note, width)
    count = sum(kind_of(name) != "usual" for name in checkpoint.globals)
    if count:
        lines += _warning(
            f"it names {count:,} piece{'s' if count > 1 else ''} of code: see the view code", width
        )
    if study is not None and (len(study.parts) > 1):
        lines += [*heading("parts"), *_part_lines(study, width)]
    if study is not None and study.training:
        lines += [*heading("training"), *mapping_lines(study.training, width)]
    return [*lines, *heading("types"), *dtype_lines(checkpoint.tensors, width)]


def memory_lines(study: Study | None, width: int, *, brief: bool = False) -> list[Line]:
    """What the model takes as it is, in other types, and while it is trained.

    `brief` leaves out how the sizes come about.
    """
    if study is None:
        return [(("looking at the names …", "dim"),)]
    largest = max((row.size_bytes for row in study.memory), default=1) or 1
    bar_cells = max(0, min(40, width - 28))
    lines: list[Line] = []
    for row in study.memory:
        cells = round(bar_cells * row.size_bytes / largest)
        figures = f"{fit(row.title, 15)}{size_text(row.size_bytes):>9}  "
        lines.append(((figures, ""), ("━" * cells, "accent")))
        if not brief:
            lines += [((" " * 4 + piece, "dim"),) for piece in wrapped(row.formula, width - 4)]
    if brief:
        return lines
    lines += [(), (("P is the number of parameters. Activations come on top.", "dim"),)]
    return lines


def _part_lines(study: Study, width: int) -> list[Line]:
    lines: list[Line] = []
    for part in study.parts:
        size = sum(tensor.size_bytes for tensor in distinct(part.tensors))
        figures = f"{len(part.tensors):>7,} tensors {size_text(size):>8}"
        title = fit(visible(part.title), max(8, min(30, width - len(figures) - 1)))
        lines.append(((title, ""), (figures, "dim")))
    return lines


def _warning(text: str, width: int) -> list[Line]:
    pieces = wrapped(visible(text), max(10, width - 2))
    signs = ["▲ ", *("  " for _ in pieces[1:])]
    return [((sign, "warning"), (piece, "")) for sign, piece in zip(signs, pieces, strict=True)]


def module_lines(node: Node, name: str, file: OpenedFile, width: int) -> list[Line]:
    """A module: its class and settings where the file has them, sizes, types, tensors."""
    tensors = tuple(node.tensors_below)
    pairs = [("module", visible(node.path or name))]
    if node.class_name:
        pairs.append(("class", visible(node.class_name)))
    if node.times > 1:
        pairs.append(("repeated", f"×{node.times}: {visible(node.paths[0])} to {_last(node)}"))
    pairs += [
        ("parameters", f"{node.parameters:,}"),
        ("size", size_text(node.size_bytes)),
        ("tensors", f"{len(tensors):,}"),
    ]
    lines = pair_lines(pairs, width)
    if node.settings:
        lines += [*heading("settings"), *mapping_lines(node.settings, width)]
    lines += [*heading("types"), *dtype_lines(tensors, width)]
    return [*lines, *heading("tensors"), *_tensor_list(node, tensors, file, width)]


LISTED_TENSORS = 500


def _tensor_list(node: Node, tensors: Sequence[Tensor], file: OpenedFile, width: int) -> list[Line]:
    """Name, shape and type of each; mean and spread beside them once their values were read."""
    wide = width >= 76
    figures_cells = 30 if wide else 0
    name_cells = max(10, width - 24 - figures_cells)
    lines: list[Line] = []
    if wide and any(tensor.name in file.statistics for tensor in tensors):
        titles = f"{'min':>10}{'max':>10}{'std':>10}"
        lines.append(((" " * (name_cells + 24) + titles, "dim"),))
    for tensor in tensors[:LISTED_TENSORS]:
        parent = node.path.rpartition(".")[0] if node.times > 1 else node.path
        below = tensor.name.removeprefix(f"{parent}.")
        shape = fit(shape_text(tensor.shape), 16, right=True)
        spans = [
            (fit_end(visible(below, 200), name_cells), ""),
            (f" {shape} {fit(short_dtype(tensor.dtype), 6)}", "dim"),
        ]
        found = file.statistics.get(tensor.name)
        if wide and found is not None:
            values = (found.min, found.max, found.std)
            text = "".join(f"{format_value(value):>10}" for value in values)
            spans.append((text, "bad" if found.nan or found.infinite else ""))
        lines.append(tuple(spans))
    if len(tensors) > LISTED_TENSORS:
        lines.append(((f"… and {len(tensors) - LISTED_TENSORS:,} more", "dim"),))
    return lines


def tensor_lines(tensor: Tensor, node: Node, file: OpenedFile, width: int) -> list[Line]:
    """A tensor as the file describes it, and its module: nothing of its values."""
    pairs = [
        ("name", visible(tensor.name)),
        ("shape", shape_text(tensor.shape)),
        ("type", tensor.dtype),
        ("elements", f"{tensor.elements:,}"),
        ("size", f"{size_text(tensor.size_bytes)}  ({tensor.size_bytes:,} bytes)"),
    ]
    if tensor.kind:
        pairs.append(("kind", tensor.kind))
    if tensor.storage:
        others = [
            visible(other.name)
            for other in file.checkpoint.tensors
            if other.storage == tensor.storage and other.name != tensor.name
        ]
        pairs += [
            ("same storage" if not place else "", visible(o)) for place, o in enumerate(others)
        ]
    lines = pair_lines(pairs, width)
    if node.class_name or node.settings:
        lines += heading(f"module {visible(node.path)}")
        lines += [((visible(node.class_name), ""),)] if node.class_name else []
        lines += mapping_lines(node.settings, width) if node.settings else []
    return lines


def code_lines(checkpoint: Checkpoint, width: int) -> list[Line]:
    """The code that a pickle asks for, with what that means."""
    names = checkpoint.globals
    if not names:
        word = "This file names no code: nothing in it could be run by any program that loads it."
        return [((piece, ""),) for piece in wrapped(word, width)]
    word = (
        "This file asks the program that loads it for the names below. Nothing of it was imported "
        "or run here; torch.load with weights_only=False would do so."
    )
    lines: list[Line] = [((piece, "dim"),) for piece in wrapped(word, width)]
    for kind, title, sign in _KINDS:
        found = [name for name in names if kind_of(name) == kind]
        if found:
            lines += heading(f"{title} ({len(found):,})")
            for name in found:
                first, *rest = wrapped(visible(name, 200), max(10, width - 4))
                lines.append(((sign, "bad"), (first, "")))
                lines += [(("    ", ""), (piece, "")) for piece in rest]
    return lines


_KINDS = (
    ("harmful", "can do harm when it is called", "✗ "),
    ("foreign", "of other packages", "  "),
    ("usual", "rebuilds tensors and plain values", "  "),
)


def dtype_lines(tensors: Iterable[Tensor], width: int) -> list[Line]:
    """How many tensors, elements and bytes there are of each type, each storage once."""
    counts, elements, sizes = Counter[str](), Counter[str](), Counter[str]()
    for tensor in distinct(tuple(tensors)):
        counts[tensor.dtype] += 1
        elements[tensor.dtype] += tensor.elements
        sizes[tensor.dtype] += tensor.size_bytes
    lines: list[Line] = []
    for dtype, size in sizes.most_common():
        noun = "tensors" if counts[dtype] > 1 else "tensor "
        figures = f"{count_text(counts[dtype], 7):>7} {noun} {size_text(size):>8}"
        if width >= 64:
            figures += f" {count_text(elements[dtype], 15):>15} elements"
        lines.append(((fit(visible(dtype), 14), ""), (figures, "dim")))
    return lines


MAX_ITEMS = 2_000
"""Lines of what a file says of itself; a hostile one may say more than can be read."""


def mapping_lines(values: Mapping[str, Any], width: int) -> list[Line]:
    """Nested plain values as an indented list."""
    if not values:
        return [(("this file says nothing beside its tensors", "dim"),)]
    lines: list[Line] = []
    _list_values(values, 0, width, lines)
    if len(lines) >= MAX_ITEMS:
        lines = [*lines[:MAX_ITEMS], (("… and more", "dim"),)]
    return lines


def _list_values(values: Any, depth: int, width: int, lines: list[Line]) -> None:
    items = values.items() if isinstance(values, Mapping) else enumerate(values)
    lead = "  " * min(depth, 12)
    for key, value in items:
        if len(lines) >= MAX_ITEMS:
            return
        name = visible(str(key), 120)
        if isinstance(value, Mapping | list | tuple) and value and depth < 60:
            if _is_short(value):
                _add(lead, name, _flat(value), width, lines)
            else:
                lines.append(((lead + name, "strong"),))
                _list_values(value, depth + 1, width, lines)
        else:
            _add(lead, name, _plain(value), width, lines)


def _add(lead: str, name: str, value: str, width: int, lines: list[Line]) -> None:
    shown = wrapped(value, max(10, width - len(lead) - cell_len(name) - 2))[:8]
    lines.append(((f"{lead}{name}  ", "dim"), (shown[0], "")))
    indent = " " * (len(lead) + cell_len(name) + 2)
    lines.extend(((indent, ""), (piece, "")) for piece in shown[1:])


def _is_short(value: Any) -> bool:
    """Whether it is a list of a few plain values, which one line holds."""
    return (
        isinstance(value, list | tuple)
        and len(value) <= 16
        and all(isinstance(item, int | float | str | bool | None) for item in value)
        and sum(len(str(item)) for item in value) <= 160
    )


def _flat(values: Iterable[Any]) -> str:
    return "[" + ", ".join(_plain(value) for value in values) + "]"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return visible(value, 2_000)
    if isinstance(value, Mapping):
        return "{}" if not value else "{…}"
    if isinstance(value, list | tuple):
        return "[]" if not value else "[…]"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else visible(str(value), 200)


def _last(node: Node) -> str:
    return visible(node.paths[-1])
