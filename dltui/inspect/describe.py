"""A checkpoint as plain values for `dltui inspect --json`: the whole of it, or one view.

Only `json` and the names are needed to list a file: what reads values, with numpy, is in
`measured.py` and imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint, Tensor, distinct
from dltui.inspect.parts import Part, model_part, parts
from dltui.inspect.plain_json import finite, plain
from dltui.inspect.roles import is_buffer
from dltui.records import record

if TYPE_CHECKING:
    from dltui.inspect.tree import Node

CHECKED_BYTES, CHECKED_TENSORS = 256_000_000, 4_000
"""Values, and tensors, that are read unasked at most: either is about a second."""
LISTED_ENTRIES = 100
"""Of a list in the metadata (a vocabulary) so many are shown beside other things."""

Json = dict[str, Any]
OnProgress = Callable[[int, int], None]
"""Called with the bytes read so far and those to read in all."""


@record
class Ask:
    """What a view is to show."""

    tensor: Tensor | None = None
    part: str | None = None
    """A slice of it, as in Python."""
    tensors: tuple[Tensor, ...] = ()
    """Those of the file that pass the filter."""
    stats: bool = False
    """With the statistics of every tensor, whatever the size of the file."""
    on_progress: OnProgress | None = None


def whole(checkpoint: Checkpoint, ask: Ask | None = None) -> Json:
    """The JSON of `dltui inspect FILE --json`, by default of all tensors.

    Values are read for the findings where there are at most `CHECKED_BYTES` of them in at most
    `CHECKED_TENSORS`, or where statistics are asked for: `checked` says `values` then, else
    `names`.
    """
    asked = Ask(tensors=checkpoint.tensors) if ask is None else ask
    found = _by_names(checkpoint, asked)
    few = len(checkpoint.tensors) <= CHECKED_TENSORS
    small = sum(tensor.size_bytes for tensor in checkpoint.tensors) <= CHECKED_BYTES
    if asked.stats or (few and small):
        from dltui.inspect.measured import add_values

        return add_values(checkpoint, asked, found)
    return found


def findings(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{checked, findings}`: what is wrong, with the values read as far as `whole` reads them."""
    found = whole(checkpoint, ask)
    return {key: found[key] for key in ("checked", "findings")}


def _by_names(checkpoint: Checkpoint, ask: Ask) -> Json:
    from dltui.inspect.findings import structural_findings
    from dltui.inspect.progress import progress
    from dltui.inspect.recognise import recognise

    found_parts = parts(checkpoint)
    return {
        "format": checkpoint.format,
        "path": str(checkpoint.path),
        "bytes": checkpoint.size_bytes,
        "parameters": parameters(checkpoint),
        "architecture": recognise(checkpoint),
        "parts": [_part(part) for part in found_parts],
        "progress": plain(progress(checkpoint)),
        "tensors": [tensor_json(tensor) for tensor in ask.tensors],
        "checked": "names",
        "findings": [finding.as_json() for finding in structural_findings(checkpoint)],
        "memory": memory(checkpoint, ask),
        "globals": list(checkpoint.globals),
        "metadata": plain(checkpoint.metadata, LISTED_ENTRIES),
        "notes": list(checkpoint.notes),
    }


def parameters(checkpoint: Checkpoint) -> int:
    """Trained elements of the model, each storage once; without average, optimizer and buffers."""
    model = model_part(checkpoint)
    if model is None:
        return 0
    return sum(tensor.elements for tensor in distinct(model.tensors) if not is_buffer(tensor))


def tensors(checkpoint: Checkpoint, ask: Ask) -> list[Json]:
    """`{name, shape, dtype, bytes}` of each, in the file's order; `storage` where it may be shared
    with others, `kind` where the file says what it is, `data` false where it has no values."""
    return [tensor_json(tensor) for tensor in ask.tensors]


def tree(checkpoint: Checkpoint, ask: Ask) -> list[Json]:
    """Of each part its modules, nested: `{name, path, parameters, bytes, children, tensors}`, with
    `class` and `settings` where the file has them, `times` and `paths` where blocks are folded."""
    from dltui.inspect import tree as module_tree

    shown = {tensor.name for tensor in ask.tensors}
    found = []
    for part in parts(checkpoint):
        kept = tuple(tensor for tensor in part.tensors if tensor.name in shown)
        if kept:
            small = Part(part.kind, part.prefix, kept, part.title)
            root = _node(module_tree.tree(checkpoint, small))
            found.append({"part": part.title, "kind": part.kind, **root})
    return found


def metadata(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{progress, metadata, globals, modules, files}`, nothing of it shortened."""
    from dltui.inspect.progress import progress

    modules = {
        name: {"class": module.class_name, "settings": module.settings}
        for name, module in checkpoint.modules.items()
    }
    return {
        "progress": plain(progress(checkpoint)),
        "metadata": plain(checkpoint.metadata),
        "globals": list(checkpoint.globals),
        "modules": plain(modules),
        "files": [str(path) for path in checkpoint.files],
    }


def memory(checkpoint: Checkpoint, ask: Ask) -> list[Json]:
    """`{title, bytes, formula}`: as it is, in other types, and while it is trained."""
    from dltui.inspect.memory_table import memory_table

    return [
        {"title": row.title, "bytes": row.size_bytes, "formula": row.formula}
        for row in memory_table(checkpoint)
    ]


def optimizer(checkpoint: Checkpoint, ask: Ask) -> list[Json]:
    """`{parameter, slot, tensor, shape, dtype, bytes}` of each tensor that an optimizer keeps."""
    from dltui.inspect.optimizer_state import optimizer_slots

    shown = {tensor.name for tensor in ask.tensors}
    return [
        {
            "parameter": slot.parameter,
            "slot": slot.slot,
            "tensor": slot.tensor.name,
            "shape": list(slot.tensor.shape),
            "dtype": slot.tensor.dtype,
            "bytes": slot.tensor.size_bytes,
        }
        for slot in optimizer_slots(checkpoint)
        if slot.tensor.name in shown or slot.parameter in shown
    ]


def tensor_json(tensor: Tensor) -> Json:
    """One entry of the list of tensors."""
    found: Json = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor.size_bytes,
    }
    if tensor.storage:
        found["storage"] = tensor.storage
    if tensor.kind:
        found["kind"] = tensor.kind
    if tensor.place is None:
        found["data"] = False
    return found


def find(checkpoint: Checkpoint, name: str) -> Tensor:
    """The tensor of this name, or the only one whose name ends in it. Raises UsageError."""
    exact = [tensor for tensor in checkpoint.tensors if tensor.name == name]
    found = exact or [tensor for tensor in checkpoint.tensors if tensor.name.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    from difflib import get_close_matches

    known = [tensor.name for tensor in (found or checkpoint.tensors)]
    near = known[:5] if found else get_close_matches(name, known, 5)
    listed = ", ".join(map(repr, near))
    raise UsageError(
        f"{len(found)} tensors go by {name!r}" if found else f"there is no tensor {name!r}",
        where=str(checkpoint.path),
        remedy=f"did you mean {listed}?" if near else "dltui inspect FILE --view tensors lists all",
    )


def _part(part: Part) -> Json:
    once = distinct(part.tensors)
    return {
        "kind": part.kind,
        "title": part.title,
        "prefix": part.prefix,
        "tensors": len(part.tensors),
        "bytes": sum(tensor.size_bytes for tensor in once),
    }


def _node(node: Node) -> Json:
    found: Json = {
        "name": node.name,
        "path": node.path,
        "parameters": node.parameters,
        "bytes": node.size_bytes,
    }
    if node.class_name:
        found["class"] = node.class_name
    if node.settings:
        found["settings"] = plain(node.settings)
    if node.times > 1:
        found["times"] = node.times
        found["paths"] = list(node.paths)
    found["tensors"] = [tensor_json(tensor) for tensor in node.tensors]
    found["children"] = [_node(child) for child in node.children]
    return found


def _measured(name: str) -> Callable[[Checkpoint, Ask], Any]:
    """A view that reads values, found when it is asked for: it needs numpy."""

    def view(checkpoint: Checkpoint, ask: Ask) -> Any:
        from dltui.inspect import measured

        return finite(getattr(measured, name)(checkpoint, ask))

    return view


VIEWS: Mapping[str, Callable[[Checkpoint, Ask], Any]] = {
    "tensors": tensors,
    "tree": tree,
    "findings": findings,
    "metadata": metadata,
    "memory": memory,
    "optimizer": optimizer,
    "stats": _measured("stats"),
    "histogram": _measured("histogram"),
    "picture": _measured("picture_view"),
    "spectrum": _measured("spectrum_view"),
    "values": _measured("tensor_values"),
}
"""Every view by its name: from a checkpoint and what is asked for to plain values."""

OF_ONE_TENSOR = frozenset({"histogram", "picture", "spectrum", "values"})
"""Views that need the name of a tensor."""
