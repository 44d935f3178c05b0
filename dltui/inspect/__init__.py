"""Checkpoints of any origin, opened in a moment and read without running anything of theirs.

```
open_checkpoint(path)     sniffs the format, reads names, shapes and places: no value, no numpy
  formats/                one module a format: bytes → `Checkpoint`
  hdf5_process.py         HDF5 alone is read by a C library, in a child: hdf5_child.py
  source.py               all reading goes through it: ranges of a file, never a memory map
  contents.py             what a checkpoint holds: `Tensor`, `Checkpoint`
tree.py                   modules with their sizes, repeated blocks folded
parts.py                  model, moving average, optimizer; optimizer_state.py, progress.py
recognise.py              the likely architecture; architectures/ has the tables
findings/                 what is wrong with it: a rule a finding
memory_table.py           what it takes as it is, in other types, and in training
values.py                 the elements of one tensor, chunk by chunk, as numpy arrays
packed.py                 elements of a few bits, and blocks of quantised weights
pictures.py               filters, embeddings and matrices as pictures
spectrum.py               singular values, ranks, power law; by a child process
statistics.py             what the values are like; histogram.py, how they are distributed
survey.py                 the same of all tensors at once, on several threads
```

Neither torch nor any code named in a file is ever imported. A file may say anything: every size in
it is checked against the file before memory is taken for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.inspect.contents import Checkpoint, Tensor
    from dltui.inspect.opening import open_checkpoint

__all__ = ["Checkpoint", "Tensor", "open_checkpoint"]

_HOMES = {"Checkpoint": "contents", "Tensor": "contents", "open_checkpoint": "opening"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
