"""The elements of a tensor as numpy arrays, whole or chunk by chunk, whatever the file's layout."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import assert_never

import numpy as np

from dltui.closing import Closing
from dltui.errors import CheckpointError
from dltui.inspect.checks import quoted
from dltui.inspect.contents import (
    BITS,
    Checkpoint,
    Dataset,
    Deflated,
    Embedded,
    Extent,
    Packed,
    Pieces,
    Place,
    Plain,
    Tensor,
    View,
)
from dltui.inspect.dtypes import Array, numbers, stored_dtype
from dltui.inspect.hdf5_process import VALUES_MEMORY_BYTES, Hdf5Process
from dltui.inspect.packed import VARINT, block, unpacked, varints
from dltui.inspect.source import Source
from dltui.inspect.zip_archive import located

CHUNK_BYTES = 1 << 22
"""How much `chunks` reads at once: a few times a core's cache, and long enough for any disk."""


class Values(Closing):
    """Reads the values of a checkpoint's tensors; holds its files open, at most `max_files`.

    Every method raises CheckpointError if a file changed since, is truncated, or does not hold what
    its header says.
    """

    def __init__(self, checkpoint: Checkpoint, max_files: int = 16):
        self.checkpoint = checkpoint
        self._max_files = max_files
        self._open: dict[int, Source] = {}
        self._hdf5: dict[Extent, Hdf5Process] = {}

    def stored(self, tensor: Tensor) -> Array:
        """The elements with the bits they have in the file, in the tensor's shape.

        The array's type is `stored_dtype`: bfloat16 as uint16. Raises CheckpointError for packed
        types, which have no elements of their own, and for tensors without data.
        """
        if tensor.place is None:
            raise self._refused(tensor, "the file has no values for it")
        return self._block(tensor, tensor.place, tensor.shape)

    def whole(self, tensor: Tensor) -> Array:
        """The values in the tensor's shape: numpy's own types, else float32."""
        if isinstance(tensor.place, Packed) and tensor.place.kind != VARINT:
            parts = list(self._unpacked(tensor, tensor.place, CHUNK_BYTES))
            return np.concatenate([np.empty(0, np.float32), *parts]).reshape(tensor.shape)
        return numbers(self.stored(tensor), tensor.dtype)

    def chunks(self, tensor: Tensor, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Array]:
        """All elements once, as flat arrays as they are stored; for `numbers`, or to count bits.

        Each has at most `chunk_bytes`. A tensor whose elements stand in the file one after the
        other comes in the file's order, any other in row-major order. Packed types, which have no
        elements of their own, come as the float32 values that they stand for.
        """
        if isinstance(tensor.place, Packed) and tensor.place.kind != VARINT:
            yield from self._unpacked(tensor, tensor.place, chunk_bytes)
            return
        place = tensor.place
        if isinstance(place, Deflated) and _is_row_major_member(tensor, place):
            yield from self._inflated_chunks(tensor, place, chunk_bytes)
            return
        if isinstance(place, Dataset):
            yield from self._rows(tensor, place)
            return
        if isinstance(place, Pieces) and _stacked(tensor, place):
            for piece in place.pieces:
                part = replace(tensor, shape=piece.shape, place=piece.place)
                yield from self.chunks(part, chunk_bytes)
            return
        extent = self.contiguous(tensor)
        if extent is None:
            yield from _flat_pieces(self.stored(tensor), chunk_bytes)
            return
        dtype = stored_dtype(tensor.dtype)
        if getattr(tensor.place, "big_endian", False):
            dtype = dtype.newbyteorder(">")
        step = max(chunk_bytes // dtype.itemsize, 1) * dtype.itemsize
        source = self._source(extent.file)
        for begin in range(0, extent.size, step):
            data = source.read(extent.offset + begin, min(step, extent.size - begin))
            yield np.frombuffer(data, dtype)

    def contiguous(self, tensor: Tensor) -> Extent | None:
        """The bytes of the file that are exactly its elements, in any order; None where they do not
        stand together as they are."""
        place = tensor.place
        if not isinstance(place, Plain | View) or tensor.dtype not in BITS:
            return None
        size = tensor.elements * _item_bytes(tensor.dtype)
        if isinstance(place, Plain):
            return Extent(place.extent.file, place.extent.offset, size)
        if _dense(tensor.shape, place.stride):
            _, storage = self._at(place.storage)
            begin = storage.offset + place.offset * _item_bytes(tensor.dtype)
            return Extent(storage.file, begin, size)
        return None

    def _block(self, tensor: Tensor, place: Place, shape: tuple[int, ...]) -> Array:
        if isinstance(place, Pieces):
            return self._assembled(tensor, place)
        if isinstance(place, Packed):
            return self._of_variable_length(tensor, place).reshape(shape)
        if isinstance(place, Dataset):
            return self._dataset(tensor, place)
        if isinstance(place, Embedded):
            inner = self._embedded(tensor, place, shape)
            return self._block(tensor, inner, shape)
        dtype = stored_dtype(tensor.dtype)
        if place.big_endian:
            dtype = dtype.newbyteorder(">")
        if isinstance(place, View):
            return self._window(tensor, place.storage, place.offset, place.stride, dtype, shape)
        if isinstance(place, Deflated):
            return self._inflated(tensor, place, dtype, shape)
        if isinstance(place, Plain):
            size = prod(shape) * dtype.itemsize
            source, extent = self._at(place.extent)
            data = source.read(extent.offset, size)
            order = "F" if place.fortran_order else "C"
            return np.frombuffer(data, dtype).reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]
        assert_never(place)

    def _unpacked(self, tensor: Tensor, place: Packed, chunk_bytes: int) -> Iterator[Array]:
        """The values of packed blocks, flat, so many blocks at once that they fill a chunk."""
        source, extent = self._at(place.extent)
        try:
            elements, size = block(place.kind)
            step = max(chunk_bytes // (elements * 4), 1) * size
            left = tensor.elements
            for begin in range(0, extent.size, step):
                data = source.read(extent.offset + begin, min(step, extent.size - begin))
                yield unpacked(data, place.kind)[:left]  # the last byte may have some to spare
                left -= step // size * elements
        except CheckpointError as error:
            if error.where:
                raise
            raise self._refused(tensor, error.message, error.remedy) from error

    def _dataset(self, tensor: Tensor, place: Dataset) -> Array:
        dtype = stored_dtype(tensor.dtype)
        whole = np.empty(tensor.elements, dtype.newbyteorder(">") if place.big_endian else dtype)
        filled = 0
        for part in self._rows(tensor, place):
            whole[filled : filled + len(part)] = part
            filled += len(part)
        return whole.reshape(tensor.shape)

    def _rows(self, tensor: Tensor, place: Dataset) -> Iterator[Array]:
        """The elements of a dataset, flat, so many compressed chunks at once as fill ours."""
        dtype = stored_dtype(tensor.dtype)
        if place.big_endian:
            dtype = dtype.newbyteorder(">")
        if not tensor.elements:
            return
        rows = tensor.shape[0] if tensor.shape else 1
        row_bytes = tensor.elements // rows * dtype.itemsize
        step = max(CHUNK_BYTES // (row_bytes * place.chunk_rows), 1) * place.chunk_rows
        for first in range(0, rows, step):
            data = self._hdf5_file(place).rows(place.path, first, step)
            if len(data) != min(step, rows - first) * row_bytes:
                raise self._refused(tensor, "it has not the values that its shape asks for")
            yield np.frombuffer(data, dtype)

    def _hdf5_file(self, place: Dataset) -> Hdf5Process:
        key = place.within
        if key not in self._hdf5:
            source = self._source(place.file)
            self._hdf5[key] = Hdf5Process(source, key.offset, key.size, VALUES_MEMORY_BYTES)
        return self._hdf5[key]

    def _of_variable_length(self, tensor: Tensor, place: Packed) -> Array:
        if place.kind != VARINT:
            raise self._refused(tensor, f"its values are packed as {place.kind}")
        source, extent = self._at(place.extent)
        try:
            found = varints(source.extent(extent), stored_dtype(tensor.dtype))
        except CheckpointError as error:
            raise self._refused(tensor, error.message) from error
        if len(found) != tensor.elements:
            raise self._refused(tensor, f"{len(found):,} values, which is not its shape")
        return found

    def _embedded(self, tensor: Tensor, place: Embedded, shape: tuple[int, ...]) -> Place:
        from dltui.inspect.formats.torch_zip import embedded_tensor  # only these need pickles

        found = embedded_tensor(*self._at(place.extent))
        if found.place is None or (found.shape, found.dtype) != (shape, tensor.dtype):
            why = f"a file says {found.dtype} {list(found.shape)} of it, the index another"
            raise self._refused(tensor, why)
        return found.place

    def _window(
        self,
        tensor: Tensor,
        storage: Extent,
        offset: int,
        stride: tuple[int, ...],
        dtype: np.dtype[np.generic],
        shape: tuple[int, ...],
    ) -> Array:
        """A strided window: only the bytes between its first and last element are read."""
        if prod(shape) == 0:
            return np.empty(shape, dtype)
        span = _span(shape, stride)
        source, storage = self._at(storage)
        begin = storage.offset + offset * dtype.itemsize
        if (
            offset < 0
            or min(stride, default=0) < 0
            or (offset + span) * dtype.itemsize > storage.size
        ):
            raise self._refused(tensor, "it reaches beyond its storage")
        data = np.frombuffer(source.read(begin, span * dtype.itemsize), dtype)
        return _strided(data, shape, stride)

    def _inflated(
        self, tensor: Tensor, place: Deflated, dtype: np.dtype[np.generic], shape: tuple[int, ...]
    ) -> Array:
        source, extent = self._at(place.extent)
        packed = source.extent(extent)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflate.decompress(packed, place.inflated_bytes + 1)
        except zlib.error as error:
            raise self._refused(tensor, f"its compressed bytes are damaged ({error})") from error
        if len(data) != place.inflated_bytes:
            raise self._refused(tensor, "its compressed bytes have not the size that they claim")
        if place.stride is not None:
            elements = np.frombuffer(data, dtype, offset=place.skip)
            if place.offset + _span(shape, place.stride) > len(elements):
                raise self._refused(tensor, "it reaches beyond its storage")
            return _strided(elements[place.offset :], shape, place.stride)
        if len(data) < place.skip + prod(shape) * dtype.itemsize:
            raise self._refused(tensor, "it has fewer bytes than its shape asks for")
        elements = np.frombuffer(data, dtype, prod(shape), place.skip)
        order = "F" if place.fortran_order else "C"
        return elements.reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]

    def _inflated_chunks(
        self, tensor: Tensor, place: Deflated, chunk_bytes: int
    ) -> Iterator[Array]:
        """The elements of a compressed member, without ever holding all of them."""
        dtype = stored_dtype(tensor.dtype)
        dtype = dtype.newbyteorder(">") if place.big_endian else dtype
        first = place.skip + place.offset * dtype.itemsize
        source, packed = self._at(place.extent)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        position, passed, left = 0, 0, tensor.elements * dtype.itemsize
        waiting = b""
        step = max(chunk_bytes // dtype.itemsize, 1) * dtype.itemsize
        while left:
            given = inflate.unconsumed_tail
            if not given and position < packed.size:
                size = min(step, packed.size - position)
                given = source.read(packed.offset + position, size)
                position += size
            try:
                data = inflate.decompress(given, step)
            except zlib.error as error:
                why = f"its compressed bytes are damaged ({error})"
                raise self._refused(tensor, why) from error
            if not data and not inflate.unconsumed_tail and position >= packed.size:
                raise self._refused(tensor, "its compressed bytes have not the size they claim")
            waiting += data[max(first - passed, 0) :]
            passed += len(data)
            whole = min(len(waiting) - len(waiting) % dtype.itemsize, left)
            if whole >= min(step, left):
                yield np.frombuffer(waiting[:whole], dtype)
                waiting, left = waiting[whole:], left - whole

    def _assembled(self, tensor: Tensor, place: Pieces) -> Array:
        whole = np.zeros(tensor.shape, stored_dtype(tensor.dtype))
        for piece in place.pieces:
            window = tuple(
                slice(begin, begin + size)
                for begin, size in zip(piece.start, piece.shape, strict=True)
            )
            whole[window] = self._block(tensor, piece.place, piece.shape)
        return whole

    def _at(self, extent: Extent) -> tuple[Source, Extent]:
        """The file of an extent, and where in it the bytes are."""
        source = self._source(extent.file)
        return source, located(source, extent)

    def _source(self, file: int) -> Source:
        """The file, opened if need be; the one opened first is closed when there are too many."""
        source = self._open.get(file)
        if source is None:
            if len(self._open) >= self._max_files:
                self._open.pop(next(iter(self._open))).close()
            source = self._open[file] = Source(self.checkpoint.files[file])
        return source

    def _refused(self, tensor: Tensor, why: str, remedy: str | None = None) -> CheckpointError:
        where = str(self.checkpoint.path)
        return CheckpointError(f"{quoted(tensor.name)[1:-1]}: {why}", where=where, remedy=remedy)

    def close(self) -> None:
        """Close all files."""
        for process in self._hdf5.values():
            process.close()
        self._hdf5.clear()
        for source in self._open.values():
            source.close()
        self._open.clear()


def _item_bytes(dtype: str) -> int:
    return stored_dtype(dtype).itemsize


def _span(shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """Elements from the first to the last that a window touches, both counted."""
    if prod(shape) == 0:
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))


def _dense(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the window covers a range of the storage without gaps, each element once."""
    expected = 1
    for step, size in sorted(zip(stride, shape, strict=True)):
        if size == 1:
            continue
        if step != expected:
            return False
        expected *= size
    return True


def _is_row_major_member(tensor: Tensor, place: Deflated) -> bool:
    if place.stride is None:
        return not place.fortran_order
    expected = [prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
    each = zip(tensor.shape, place.stride, expected, strict=True)
    return all(size == 1 or step == want for size, step, want in each)


def _stacked(tensor: Tensor, place: Pieces) -> bool:
    """Whether the pieces follow each other along the first dimension and make up the tensor."""
    begin = 0
    for piece in place.pieces:
        if piece.start != (begin, *(0 for _ in tensor.shape[1:])) or not tensor.shape:
            return False
        begin += piece.shape[0]
    return bool(place.pieces) and begin == tensor.shape[0]


def _flat_pieces(array: Array, most_bytes: int) -> Iterator[Array]:
    """All elements in row-major order, in flat arrays of at most `most_bytes`: an expanded tensor
    has more of them than any memory."""
    if array.nbytes <= most_bytes or array.ndim == 0:
        yield array.reshape(-1)
        return
    rows = most_bytes // (array.nbytes // len(array))
    if rows == 0:
        for row in array:
            yield from _flat_pieces(row, most_bytes)
        return
    for begin in range(0, len(array), rows):
        yield array[begin : begin + rows].reshape(-1)


def _strided(elements: Array, shape: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    # The stride of a dimension of size 1 means nothing, and may be any number.
    steps = tuple(
        step * elements.dtype.itemsize if size > 1 else 0
        for size, step in zip(shape, stride, strict=True)
    )
    return np.lib.stride_tricks.as_strided(elements, shape, steps, writeable=False)
