"""Pickles without torch's frame: numpy arrays in dictionaries, and objects of other libraries.

Their arrays are tensors where the pickle's protocol is 3 or later; protocol 2 writes bytes as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from dltui.errors import CheckpointError
from dltui.inspect.checks import damaged
from dltui.inspect.contents import Checkpoint
from dltui.inspect.formats.torch_zip import MAX_PICKLE_BYTES
from dltui.inspect.pickles.machine import unpickle
from dltui.inspect.pickles.naming import Naming
from dltui.inspect.pickles.nodes import Persistent
from dltui.inspect.source import Source

FORMAT = "Python pickle"
_PROTO = 0x80
_PROTOCOLS = range(2, 6)
_JOBLIB = "joblib.numpy_pickle.NumpyArrayWrapper"


def sniff(head: bytes, source: Source) -> bool:
    """The opcode with the protocol's number, which all pickles of protocol 2 and later begin with,
    and the one that ends every pickle."""
    if len(head) < 3 or head[0] != _PROTO or head[1] not in _PROTOCOLS:
        return False
    return source.read(source.size - 1, 1) == b"." or _JOBLIB.encode()[:20] in head


def read(source: Source) -> Checkpoint:
    """The arrays of the pickle, and what else it holds. Raises CheckpointError."""
    if source.size > MAX_PICKLE_BYTES:
        raise CheckpointError(
            f"this pickle has {source.size:,} bytes, at most {MAX_PICKLE_BYTES:,} are read",
            where=str(source.path),
            remedy="save the weights with torch.save or safetensors",
        )
    budget = source.budget
    budget.take(source.size)
    data = source.read(0, source.size)
    if _JOBLIB.rsplit(".", 1)[1].encode() in data:
        raise CheckpointError(
            "this file of joblib has its arrays between pickles, which is not read here",
            where=str(source.path),
            remedy="save the arrays with numpy.savez or safetensors",
        )
    found = unpickle(data, budget)
    if found.end != source.size:
        raise damaged(FORMAT, source.path, "something follows its end")
    naming = Naming(_NoStorages(source.path), budget, 0)
    metadata = naming.metadata(found.value)
    return Checkpoint(
        path=source.path,
        format=FORMAT,
        files=(source.path,),
        size_bytes=source.size,
        tensors=tuple(naming.tensors),
        globals=found.globals,
        metadata=metadata,
        modules=naming.modules,
        notes=tuple(naming.notes),
    )


class _NoStorages:
    """A pickle by itself has no storages beside it."""

    def __init__(self, path: Path):
        self.path = path

    def find(self, reference: Persistent) -> NoReturn:
        """Raises CheckpointError always."""
        raise damaged(FORMAT, self.path, "a tensor in it refers to a storage that is elsewhere")
