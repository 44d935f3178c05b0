"""A checkpoint as plain values for `dltui inspect --json`: the whole of it, or one view.

Only `json` and the records of `contents.py` are needed to list a file: no numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.plain_json import plain

LISTED_ENTRIES = 100
"""Of a list in the metadata (a vocabulary) so many are shown beside other things."""

Json = dict[str, Any]


def whole(checkpoint: Checkpoint) -> Json:
    """Everything that needs no values: the JSON of `dltui inspect FILE --json`."""
    return {
        "format": checkpoint.format,
        "path": str(checkpoint.path),
        "bytes": checkpoint.size_bytes,
        "parameters": checkpoint.parameters,
        "tensors": tensors(checkpoint),
        "globals": list(checkpoint.globals),
        "metadata": plain(checkpoint.metadata, LISTED_ENTRIES),
        "notes": list(checkpoint.notes),
    }


def tensors(checkpoint: Checkpoint) -> list[Json]:
    """`{name, shape, dtype, bytes}` of each, in the file's order; `storage` where it may be shared
    with others, `kind` where the file says what it is, `data` false where it has no values."""
    return [_tensor(tensor) for tensor in checkpoint.tensors]


def metadata(checkpoint: Checkpoint) -> Json:
    """`{metadata, globals, modules, files}`, nothing of it shortened."""
    modules = {
        name: {"class": module.class_name, "settings": module.settings}
        for name, module in checkpoint.modules.items()
    }
    return {
        "metadata": plain(checkpoint.metadata),
        "globals": list(checkpoint.globals),
        "modules": plain(modules),
        "files": [str(path) for path in checkpoint.files],
    }


def tensor_values(checkpoint: Checkpoint, name: str, text: str | None) -> Json:
    """`{name, shape, dtype, slice, values}`: the part `text` of a tensor, or its first corner."""
    from dltui.inspect.slicing import first_look, parse_slice, part
    from dltui.inspect.values import Values

    tensor = find(checkpoint, name)
    indices = first_look(tensor.shape) if text is None else parse_slice(text, tensor.shape)
    with Values(checkpoint) as values:
        found = part(values, tensor, indices)
    shown = [index if isinstance(index, int) else _range_text(index) for index in indices]
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "slice": ", ".join(map(str, shown)),
        "values": plain(_complex_as_pairs(found.tolist())),
    }


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


def _tensor(tensor: Tensor) -> Json:
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


def _range_text(index: slice) -> str:
    step = f":{index.step}" if index.step not in (None, 1) else ""
    return f"{index.start}:{index.stop}{step}"


def _complex_as_pairs(value: Any) -> Any:
    """JSON has no complex numbers: `[real, imaginary]`."""
    if isinstance(value, list):
        return [_complex_as_pairs(item) for item in value]
    return [value.real, value.imag] if isinstance(value, complex) else value


OF_TENSOR: Mapping[str, Callable[[Checkpoint, str, str | None], Json]] = {
    "values": tensor_values,
}
"""Views of one tensor: from its name and a slice."""

OF_CHECKPOINT: Mapping[str, Callable[[Checkpoint], Any]] = {
    "tensors": tensors,
    "metadata": metadata,
}
"""Views of the whole file."""
