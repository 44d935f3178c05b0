"""numpy's archives of named arrays, stored or deflated."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from dltui.inspect.budget import Budget
from dltui.inspect.checks import MAX_TENSORS, damaged, quoted, too_much
from dltui.inspect.contents import Checkpoint, Deflated, Extent, Plain, Tensor
from dltui.inspect.formats.npy import MAX_HEADER_BYTES, RAW_NOTE, Header, parse_header
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import Archive, Member, begins_as_zip, directory_bytes

_ENDING = ".npy"
_MAX_NOTES = 20
_TENSOR_BYTES = 600


def sniff(head: bytes, source: Source) -> bool:
    """A zip archive with members that end in `.npy`."""
    return begins_as_zip(head) and _ENDING.encode() in directory_bytes(source)


def read(source: Source) -> Checkpoint:
    """All arrays of numbers. Raises CheckpointError on a damaged or lying archive."""
    budget = source.budget
    notes: dict[str, None] = {}
    tensors = tuple(arrays(Archive(source, budget), budget, notes))
    return Checkpoint(
        path=source.path,
        format="numpy npz",
        files=(source.path,),
        size_bytes=source.size,
        tensors=tensors,
        notes=tuple(notes),
    )


def arrays(archive: Archive, budget: Budget, notes: dict[str, None]) -> Iterator[Tensor]:
    """The arrays of an archive in its order; what is left out is added to `notes`."""
    path = archive.source.path
    names: set[str] = set()
    for member_name in archive:
        if not member_name.endswith(_ENDING):
            continue
        if len(names) == MAX_TENSORS:
            raise too_much("npz", path, "more arrays", MAX_TENSORS)
        budget.take(_TENSOR_BYTES)
        member = archive.member(member_name)
        extent = archive.extent(member)
        try:
            header = parse_header(_beginning(archive, member, extent))
        except (ValueError, zlib.error) as error:
            raise damaged("npz", path, f"{quoted(member_name)}: {error}") from error
        plain_name = member_name.removesuffix(_ENDING)
        name = plain_name.replace("/", ".")
        name = plain_name if name in names else name  # a/b and a.b
        names.add(name)
        if header.why:
            if len(notes) < _MAX_NOTES:
                notes[f"{quoted(name)} is left out: it holds {header.why}."] = None
            continue
        if header.raw:
            notes[RAW_NOTE] = None
        if header.size + header.data_bytes > member.inflated_bytes:
            what = f"{quoted(member_name)} has fewer bytes than its shape asks for"
            raise damaged("npz", path, what)
        yield _tensor(name, header, member, extent)


def _beginning(archive: Archive, member: Member, extent: Extent) -> bytes:
    data = archive.source.read(extent.offset, min(extent.size, MAX_HEADER_BYTES))
    if member.deflated:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_HEADER_BYTES)
    return data


def _tensor(name: str, header: Header, member: Member, extent: Extent) -> Tensor:
    size = header.data_bytes
    if member.deflated:
        deflated = Deflated(
            extent, member.inflated_bytes, header.size, header.big_endian, header.fortran_order
        )
        return Tensor(name, header.shape, header.dtype, size, deflated)
    data = Extent(extent.file, extent.offset + header.size, size)
    plain = Plain(data, header.big_endian, header.fortran_order)
    return Tensor(name, header.shape, header.dtype, size, plain)
