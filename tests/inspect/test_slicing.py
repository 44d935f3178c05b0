"""A part of a tensor is what numpy's own indexing gives, whatever the layout in the file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.errors import CheckpointError, UsageError
from dltui.inspect import slicing
from dltui.inspect.contents import Checkpoint, Extent, Plain, Tensor, View
from dltui.inspect.slicing import first_look, parse_slice, part
from dltui.inspect.values import Values

SHAPE = (4, 5, 6)
BOUND = st.none() | st.integers(-8, 8)
INDEX = st.builds(
    lambda begin, end, step: ":".join("" if n is None else str(n) for n in (begin, end, step)),
    BOUND,
    BOUND,
    st.none() | st.integers(1, 3),
)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, np.ndarray]:
    """One file that is looked at in row-major order, in column-major order, and transposed."""
    path = tmp_path_factory.mktemp("slicing") / "numbers"
    array = np.arange(120, dtype=np.float32)
    path.write_bytes(b"head" + array.tobytes())
    extent = Extent(0, 4, array.nbytes)
    tensors = (
        Tensor("rows", SHAPE, "float32", array.nbytes, Plain(extent)),
        Tensor("columns", SHAPE, "float32", array.nbytes, Plain(extent, fortran_order=True)),
        Tensor("turned", SHAPE, "float32", array.nbytes, View(extent, 0, (1, 4, 20))),
    )
    return Checkpoint(path, "test", (path,), 4 + array.nbytes, tensors), array


@given(texts=st.lists(INDEX | st.integers(-4, 3).map(str), max_size=3))
@pytest.mark.parametrize("layout", [0, 1, 2])
def test_a_part_is_what_numpy_gives(
    numbers: tuple[Checkpoint, np.ndarray], layout: int, texts: list[str]
) -> None:
    checkpoint, array = numbers
    real = array.reshape(SHAPE, order="C" if layout == 0 else "F")
    tensor = checkpoint.tensors[layout]
    with Values(checkpoint) as values:
        found = part(values, tensor, parse_slice(", ".join(texts), SHAPE))
    wanted = eval(f"real[{', '.join(texts) or '...'}]", {"real": real})
    np.testing.assert_array_equal(found, wanted)


def test_dots_stand_for_the_dimensions_between() -> None:
    assert parse_slice("[1, ..., -1]", (3, 4, 5)) == (1, slice(0, 4, 1), 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0, 0, 0, 0", "3 dimensions"),
        ("4", "outside a dimension of 4"),
        ("::0", "no range"),
        ("a", "no index"),
        ("..., ...", "does not fit"),
        ("1:2:3:4", "no range"),
    ],
)
def test_what_is_no_slice_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_slice(text, SHAPE)


def test_the_first_look_is_the_corner_of_the_first_matrix() -> None:
    assert first_look((3, 4, 5000)) == (slice(0, 1, 1), slice(0, 4, 1), slice(0, 10, 1))
    assert first_look(()) == ()


def test_a_part_that_is_too_large_is_refused(
    numbers: tuple[Checkpoint, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, _ = numbers
    monkeypatch.setattr(slicing, "MAX_BYTES", 100)
    rows = checkpoint.tensors[0]
    with Values(checkpoint) as values:
        assert part(values, rows, parse_slice("::2, 4, :", SHAPE)).shape == (2, 6)
        with pytest.raises(CheckpointError, match="this part has 160 bytes"):
            part(values, rows, parse_slice("..., :2", SHAPE))
