"""Writing what is looked at to a file of its own: a tensor as numpy or text, a file as JSON."""

from __future__ import annotations

import os
from pathlib import Path

from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint, Tensor

TENSOR_SUFFIXES = (".npy", ".csv")
MAX_CSV_ELEMENTS = 10_000_000
_BLOCK_ELEMENTS = 4_000_000


def proposed_name(checkpoint: Checkpoint, tensor: Tensor | None) -> str:
    """A name for the new file, in the current folder."""
    if tensor is None:
        return f"{checkpoint.path.stem}.json"
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in tensor.name)
    return f"{kept[-120:]}.npy"


def complaint(text: str, tensor: Tensor | None) -> str | None:
    """Why nothing can be written under this name; None where it can."""
    path = Path(text).expanduser()
    wanted = TENSOR_SUFFIXES if tensor is not None else (".json",)
    if path.suffix not in wanted:
        return f"the name must end in {' or '.join(wanted)}"
    if path.exists():
        return f"{path} is there already"
    if not path.absolute().parent.is_dir():
        return f"there is no folder {path.parent}"
    if tensor is not None and path.suffix == ".csv" and tensor.elements > MAX_CSV_ELEMENTS:
        return f"{tensor.elements:,} numbers are too many for a table: .npy holds any number"
    return None


def write(checkpoint: Checkpoint, tensor: Tensor | None, path: Path) -> None:
    """Writes the file; a part of it is never left where writing fails.

    Raises CheckpointError, UsageError where it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if tensor is None:
            _write_json(checkpoint, beside)
        else:
            _write_tensor(checkpoint, tensor, beside, path.suffix)
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        beside.unlink(missing_ok=True)


def _write_json(checkpoint: Checkpoint, path: Path) -> None:
    from dltui.inspect.describe import whole
    from dltui.inspect.plain_json import json_text

    path.write_text(json_text(whole(checkpoint)) + "\n", encoding="utf-8")


def _write_tensor(checkpoint: Checkpoint, tensor: Tensor, path: Path, suffix: str) -> None:
    import numpy as np

    from dltui.inspect.slicing import part
    from dltui.inspect.values import Values

    rest = tuple(slice(0, size, 1) for size in tensor.shape[1:])
    with Values(checkpoint) as values, path.open("xb") as file:
        if not tensor.shape:
            found = values.whole(tensor)
            np.save(file, found) if suffix == ".npy" else np.savetxt(file, found.reshape(1, 1))
            return
        size = tensor.shape[0]
        rows = max(1, _BLOCK_ELEMENTS * size // max(1, tensor.elements))
        for begin in range(0, max(1, size), rows):
            indices = (slice(begin, min(size, begin + rows), 1), *rest)
            block = np.ascontiguousarray(part(values, tensor, indices))
            if suffix == ".csv":
                fmt = "%.9g" if block.dtype.kind == "f" else "%s"
                np.savetxt(file, block.reshape(len(block), -1), delimiter=",", fmt=fmt)
                continue
            block = block.astype(block.dtype.newbyteorder("="), copy=False)
            if not begin:
                described = np.lib.format.dtype_to_descr(block.dtype)
                header = {"descr": described, "fortran_order": False, "shape": tensor.shape}
                np.lib.format.write_array_header_2_0(file, header)
            file.write(block.data if block.size else b"")
