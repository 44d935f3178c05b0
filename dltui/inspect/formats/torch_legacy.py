"""`torch.save` before 1.6: five pickles, then the storages, in one file without an index.

```
magic number   protocol version   facts of the machine   the object   keys of the storages
for each key: the number of elements (8 bytes), and the elements
```
"""

from __future__ import annotations

from itertools import count

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.contents import Checkpoint, Extent
from dltui.inspect.formats.torch_zip import MAX_PICKLE_BYTES, storage_fields
from dltui.inspect.pickles.machine import PickleCutError, Unpickled, unpickle
from dltui.inspect.pickles.naming import Naming
from dltui.inspect.pickles.nodes import Node, Persistent
from dltui.inspect.pickles.sharing import shared_storages
from dltui.inspect.pickles.torch_tensors import Storage, item_bytes, not_readable
from dltui.inspect.source import Source

MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The opcode, and the number 0x1950A86A20F9469CFC6C that comes first."""
_MAGIC_IN_DIGITS = b"L119547037146038801333356L"
"""The same as protocols 0 and 1 wrote it."""
_FIRST_LOOK_BYTES = 1 << 20
_PICKLES = 5


def sniff(head: bytes, source: Source) -> bool:
    """The magic number, whatever the protocol of the pickles is."""
    return MAGIC in head[:32] or head.startswith(_MAGIC_IN_DIGITS)


def read(source: Source) -> Checkpoint:
    """The tensors of the object, and what else it holds. Raises CheckpointError."""
    budget = source.budget
    pickles = _pickles(source, budget)
    found = pickles[3]
    storages = LegacyStorages(source, found.references, pickles[4])
    naming = Naming(storages, budget, 0)
    metadata = naming.metadata(found.value)
    return Checkpoint(
        path=source.path,
        format="PyTorch legacy",
        files=(source.path,),
        size_bytes=source.size,
        tensors=shared_storages(naming.tensors),
        globals=found.globals,
        metadata=metadata,
        modules=naming.modules,
        notes=tuple(naming.notes),
    )


def _pickles(source: Source, budget: Budget) -> list[Unpickled]:
    """The pickles at the beginning; nothing says how long they are, so more is read if need be."""
    for power in count():
        size = min(_FIRST_LOOK_BYTES << 3 * power, source.size, MAX_PICKLE_BYTES)
        data = source.read(0, size)
        here = Budget(source.path, budget.left_bytes)
        here.take(len(data))
        found: list[Unpickled] = []
        try:
            while len(found) < _PICKLES:
                found.append(unpickle(data, here, found[-1].end if found else 0))
        except PickleCutError:
            if size in (source.size, MAX_PICKLE_BYTES):
                raise
            continue
        budget.take(budget.left_bytes - here.left_bytes)
        return found
    raise AssertionError("the size stops growing")


class LegacyStorages:
    """The storages that follow the pickles, found one after the other.

    Raises CheckpointError if one is longer than the file, or no tensor says what type it is of.
    """

    def __init__(self, source: Source, references: tuple[Persistent, ...], keys: Unpickled):
        self.path = source.path
        self._extents: dict[str, Extent] = {}
        dtypes: dict[str, str] = {}
        for reference in references:
            if not _is_module(reference):
                dtype, key, _, _ = storage_fields(reference, self.path)
                dtypes.setdefault(key, dtype)
        if not isinstance(keys.value, list):
            raise not_readable(self.path, "it has no list of storages")
        position = keys.end
        for key in keys.value:
            if not isinstance(key, str) or key not in dtypes or key in self._extents:
                raise not_readable(self.path, "its list of storages is not that of its tensors")
            elements = int.from_bytes(source.read(position, 8), "little")
            size = elements * item_bytes(dtypes[key])
            if size > source.size - position - 8:
                raise CheckpointError(
                    f"a storage of {size:,} bytes does not fit in the file",
                    where=str(self.path),
                    remedy="the file is truncated or damaged; copy it again",
                )
            self._extents[key] = Extent(0, position + 8, size)
            position += 8 + size

    def find(self, reference: Persistent) -> Storage:
        """Raises CheckpointError if the file does not have this storage."""
        dtype, key, location, elements = storage_fields(reference, self.path)
        if location == "meta":
            return Storage(key, dtype, Extent(0, 0, 0), has_data=False)
        extent = self._extents.get(key)
        if extent is None or elements * item_bytes(dtype) > extent.size:
            raise not_readable(self.path, f"storage {key!r} is missing, or shorter than it says")
        return Storage(key, dtype, extent, offset=self._view_offset(reference.id))

    def _view_offset(self, id: Node) -> int:
        """Where a part of a storage begins, in elements; until 0.4 parts had keys of their own."""
        match id[5:]:
            case () | (None,):
                return 0
            case ((_, int(offset), int()),) if offset >= 0:
                return offset
        raise not_readable(self.path, "a part of a storage begins nowhere")


def _is_module(reference: Persistent) -> bool:
    return reference.referred_class is not None
