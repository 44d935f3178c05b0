"""A checkpoint written anew in another format, type or extent, without holding it in memory.

```
plan.py               which tensors, under which names, of which types, sharing what
casting.py            floating types to others, rounded to nearest even
streaming.py          a tensor's elements as bytes, piece by piece
safetensors_file.py   the writer of safetensors
torch_file.py         the writer of PyTorch's zip archive; its pickle is in torch_pickle.py
appearing.py          a file that is there whole or not at all
```
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint
from dltui.inspect.convert.appearing import appearing
from dltui.inspect.convert.plan import Plan, Wanted, plan, storages
from dltui.inspect.convert.safetensors_file import write_safetensors
from dltui.inspect.convert.streaming import Stream
from dltui.inspect.convert.torch_file import write_torch
from dltui.inspect.values import Values

__all__ = ["Converted", "Wanted", "convert"]

SAFETENSORS = {".safetensors"}
TORCH = {".pt", ".pth", ".ckpt", ".bin"}


class Writer(Protocol):
    """Writes a plan's tensors into an empty file."""

    def __call__(self, file: BinaryIO, plan: Plan, stream: Stream) -> None: ...


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written, and what got lost on the way."""

    path: Path
    format: str
    size_bytes: int
    tensors: int
    cast: int
    """Tensors whose type is another one than before."""
    overflowed: tuple[tuple[str, int], ...]
    """Names of tensors in which so many finite values became infinite."""
    vanished: tuple[tuple[str, int], ...]
    """Names of tensors in which so many values became zero that were not."""
    left_out: tuple[str, ...]
    """Parts of the checkpoint that are not in the new file, as people call them."""
    notes: tuple[str, ...]


def convert(
    checkpoint: Checkpoint,
    out: Path,
    wanted: Wanted,
    *,
    replace: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Converted:
    """Writes `out` in the format that its ending names; it appears whole or not at all.

    `on_progress` is called with the bytes written so far and those to write in all. Raises
    UsageError where `out` exists and `replace` is not set, has no known ending, or cannot be
    written; CheckpointError where values cannot be read or the format has no such type.
    """
    is_torch = out.suffix.lower() in TORCH
    if not is_torch and out.suffix.lower() not in SAFETENSORS:
        endings = ", ".join(sorted(SAFETENSORS | TORCH))
        raise UsageError(
            f"no format goes by the ending {out.suffix!r}", where=str(out), remedy=endings
        )
    planned = plan(checkpoint, wanted, nested=is_torch)
    write: Writer = write_torch if is_torch else write_safetensors
    parts = storages(planned.entries) if is_torch else planned.entries
    size_bytes = sum(part.size_bytes for part in parts)
    with Values(checkpoint) as values:
        stream = Stream(values, size_bytes, on_progress)
        with appearing(out, size_bytes, replace=replace) as file:
            write(file, planned, stream)
    return Converted(
        path=out,
        format="PyTorch zip" if is_torch else "safetensors",
        size_bytes=out.stat().st_size,
        tensors=len(planned.entries),
        cast=sum(entry.dtype != entry.tensor.dtype for entry in planned.entries),
        overflowed=tuple(stream.overflowed.items()),
        vanished=tuple(stream.vanished.items()),
        left_out=planned.left_out,
        notes=planned.notes,
    )
