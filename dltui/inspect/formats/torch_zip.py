"""`torch.save` since 1.6: a zip archive with a pickle, and one member a storage.

```
archive/data.pkl     the object; its tensors name storages by persistent ids
archive/data/0 …     the bytes of each storage
archive/byteorder    little or big
```
"""

from __future__ import annotations

from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.combined import in_file
from dltui.inspect.contents import Checkpoint, Extent, Tensor
from dltui.inspect.pickles.machine import unpickle
from dltui.inspect.pickles.naming import Naming
from dltui.inspect.pickles.nodes import Global, Persistent
from dltui.inspect.pickles.sharing import shared_storages
from dltui.inspect.pickles.torch_tensors import (
    STORAGE_DTYPES,
    Storage,
    item_bytes,
    not_readable,
)
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, Part, begins_as_zip, directory_bytes
from dltui.records import replaced

MAX_PICKLE_BYTES = 64 << 20
_MARKS_OF_PROGRAMS = (*(b"/constants.pkl", b"archive_format", b"serialized_exported_program.json"),)
"""What TorchScript and exported programs have, which are other formats."""


def sniff(head: bytes, source: Source) -> bool:
    """A zip archive with a `data.pkl`, and nothing of a program beside it."""
    if not begins_as_zip(head):
        return False
    names = directory_bytes(source)
    return b"data.pkl" in names and not any(mark in names for mark in _MARKS_OF_PROGRAMS)


def read(source: Source) -> Checkpoint:
    """The tensors of the pickle, and what else it holds. Raises CheckpointError."""
    budget = source.budget
    archive = Archive(source, budget)
    root = archive_root(archive, "data.pkl")
    naming, metadata, globals_ = read_pickle(archive, budget, root, "data.pkl")
    notes = list(naming.notes)
    version = metadata.get("pytorch-lightning_version")
    if isinstance(version, str):
        notes.append(f"A checkpoint of Lightning {version}.")
    return Checkpoint(
        path=source.path,
        format="PyTorch zip",
        files=(source.path,),
        size_bytes=source.size,
        tensors=shared_storages(naming.tensors),
        globals=globals_,
        metadata=metadata,
        modules=naming.modules,
        notes=tuple(notes),
    )


def archive_root(archive: Archive, name: str) -> str:
    """The folder of the archive in which `name` stands: `archive/`, or nothing."""
    found = sorted(
        (member for member in archive if member.endswith(name) and member.split("/")[-1] == name),
        key=len,
    )
    if not found:
        raise CheckpointError(f"the archive has no {name}", where=str(archive.source.path))
    return found[0].removesuffix(name)


def read_pickle(
    archive: Archive,
    budget: Budget,
    root: str,
    name: str,
    storages: str = "data/",
    prefix: str = "",
) -> tuple[Naming, dict[str, Any], tuple[str, ...]]:
    """One pickle of an archive and its tensors, whose storages lie in the folder `storages`.

    All names begin with `prefix`. What comes back: the walk with its tensors and modules, the
    metadata, and the globals. Raises CheckpointError.
    """
    data = archive.read(root + name, MAX_PICKLE_BYTES)
    found = unpickle(data, budget)
    budget.give_back(len(data))
    del data
    member = archive.member(root + name)
    begin = None if member.deflated else archive.extent(member).offset
    naming = Naming(ZipStorages(archive, root, storages), budget, begin)
    return naming, naming.metadata(found.value, prefix), found.globals


def embedded_tensor(source: Source, extent: Extent) -> Tensor:
    """The one tensor of the archive that this range of the file is.

    Raises CheckpointError if it is damaged or holds anything else.
    """
    budget = Budget(source.path)
    archive = Archive(source, budget, Part(source, extent.offset, extent.size))
    root = archive_root(archive, "data.pkl")
    naming, _, _ = read_pickle(archive, budget, root, "data.pkl")
    if len(naming.tensors) != 1:
        raise not_readable(source.path, f"a part of it holds {len(naming.tensors):,} tensors")
    found = naming.tensors[0]
    return (
        found if found.place is None else replaced(found, place=in_file(found.place, extent.file))
    )


class ZipStorages:
    """The storages of an archive by their keys, each looked up once."""

    def __init__(self, archive: Archive, root: str, folder: str):
        self._archive = archive
        self._folder = root + folder
        self._found: dict[str, tuple[Extent, int | None]] = {}
        self.path = archive.source.path
        order = root + "byteorder"
        self._big_endian = order in archive and archive.read(order, 16) == b"big"

    def find(self, reference: Persistent) -> Storage:
        """Raises CheckpointError if there is no such storage, or it is shorter than claimed."""
        dtype, key, location, elements = storage_fields(reference, self.path)
        if location == "meta":
            return Storage(key, dtype, Extent(0, 0, 0), has_data=False)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = self._archive.extent_after_header(self._folder + key)
        extent, inflated = known
        if elements * item_bytes(dtype) > (extent.size if inflated is None else inflated):
            raise not_readable(self.path, f"storage {key!r} is shorter than it says")
        return Storage(key, dtype, extent, inflated, big_endian=self._big_endian)


def storage_fields(reference: Persistent, path: Any) -> tuple[str, str, str, int]:
    """Type, key, device and number of elements that a reference to a storage gives."""
    said = reference.id
    # A `match` takes four times as long, for each tensor of the file.
    if type(said) is tuple and len(said) >= 5 and said[0] == "storage":
        kind, key, location, elements = said[1:5]
        if type(key) is str and type(elements) is int and elements >= 0:
            dtype = STORAGE_DTYPES.get(kind.name) if type(kind) is Global else None
            if dtype is not None:
                return dtype, key, location if type(location) is str else "", elements
    raise not_readable(path, "a tensor refers to no storage")
