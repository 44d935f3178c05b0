"""Elements come row by row in bounded pieces, whatever strides they have in the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.errors import CheckpointError
from dltui.inspect import row_order
from dltui.inspect.contents import Checkpoint, Extent, Tensor, View
from dltui.inspect.row_order import in_rows
from dltui.inspect.values import Values

ELEMENTS = 4096


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("rows") / "numbers"
    path.write_bytes(np.arange(ELEMENTS, dtype=np.int16).tobytes())
    return Checkpoint(path, "test", (path,), 2 * ELEMENTS, ())


def window(shape: tuple[int, ...], offset: int, stride: tuple[int, ...]) -> Tensor:
    place = View(Extent(0, 0, 2 * ELEMENTS), offset, stride)
    return Tensor("numbers", shape, "int16", 0, place)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_order, "PIECE_BYTES", 64)
    monkeypatch.setattr(row_order, "SCATTERED_PIECE_BYTES", 256)


SHAPES = st.lists(st.integers(0, 7), max_size=4).map(tuple)


@pytest.mark.usefixtures("small_pieces")
@given(shape=SHAPES, data=st.data())
def test_pieces_joined_are_the_tensor_in_row_major_order(
    file: Checkpoint, shape: tuple[int, ...], data: st.DataObject
) -> None:
    stride = tuple(data.draw(st.integers(0, 150)) for _ in shape)
    offset = data.draw(st.integers(0, 100))
    with Values(file) as values:
        pieces = list(in_rows(values, window(shape, offset, stride), piece_bytes=64))
    wanted = np.full(shape, offset)
    for index, step in zip(np.indices(shape), stride, strict=True):
        wanted = wanted + index * step
    found = np.concatenate([np.empty(0, np.int16), *pieces])
    np.testing.assert_array_equal(found, wanted.reshape(-1))
    assert max((len(piece) for piece in pieces), default=0) <= 32


@pytest.mark.usefixtures("small_pieces")
def test_gathering_scattered_elements_reads_in_pieces(
    file: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0

    class Watched(Values):
        def stored(self, tensor: Tensor) -> np.ndarray:
            nonlocal largest
            steps = zip(tensor.shape, tensor.place.stride, strict=True)
            largest = max(largest, 1 + sum((size - 1) * step for size, step in steps))
            return super().stored(tensor)

    with Watched(file) as values:
        found = np.concatenate(list(in_rows(values, window((3, 32), 5, (1, 100)))))
    np.testing.assert_array_equal(found[:3], [5, 105, 205])
    np.testing.assert_array_equal(found[32:34], [6, 106])
    assert largest * 2 <= 64 * 2


def test_a_window_that_repeats_a_few_bytes_without_end_is_refused(file: Checkpoint) -> None:
    endless = window((10**6, 10**6), 0, (0, 0))
    with Values(file) as values, pytest.raises(CheckpointError, match="8,192 in the file"):
        next(in_rows(values, endless))
