"""numpy's arrays and archives, as numpy writes them."""

import io
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.formats.npy import parse_header
from dltui.inspect.values import Values

NUMBERS = np.arange(24).reshape(2, 3, 4)
REAL = {
    **{code: NUMBERS.astype(code) for code in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "c8")},
    **{code: NUMBERS.astype(code) for code in (">f4", ">i2", ">c16", "u1", "u2", "u4", "u8")},
    "fortran": np.asfortranarray(NUMBERS.astype("f4")),
    "fortran-big": np.asfortranarray(NUMBERS.astype(">f8")),
    "bool": NUMBERS > 5,
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 4), np.float32),
    "params/layer/kernel": np.ones((2, 2)),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_type_and_order_is_read_bit_for_bit(tmp_path: Path, save) -> None:
    save(tmp_path / "m.npz", **REAL)
    found = open_checkpoint(tmp_path / "m.npz")
    assert found.format == "numpy npz"
    assert [tensor.name for tensor in found.tensors] == [name.replace("/", ".") for name in REAL]
    with Values(found) as values:
        for tensor, real in zip(found.tensors, REAL.values(), strict=True):
            stored = values.stored(tensor)
            assert stored.shape == real.shape
            assert stored.dtype == real.dtype
            assert stored.tobytes() == real.tobytes()
            chunks = np.concatenate(list(values.chunks(tensor)) or [stored.reshape(-1)])
            assert sorted(chunks.tobytes()) == sorted(real.tobytes())


@pytest.mark.parametrize("name", ["f4", ">c16", "fortran-big", "scalar", "empty"])
def test_a_single_array_bears_the_name_of_its_file(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "weights.npy", REAL[name])
    found = open_checkpoint(tmp_path / "weights.npy")
    (tensor,) = found.tensors
    assert tensor.name == "weights"
    with Values(found) as values:
        np.testing.assert_array_equal(values.stored(tensor), REAL[name])


def test_what_is_no_array_of_numbers_is_told_for_what_it_is(tmp_path: Path) -> None:
    others = {
        "objects": (np.array([{}, None], object), "objects, as a pickle"),
        "texts": (np.array(["a", "b"]), "texts"),
        "records": (np.zeros(2, [("a", "f4"), ("b", ">i2")]), "records"),
        "times": (np.array(["2020-01-01"], "M8[D]"), "times"),
    }
    arrays = {name: array for name, (array, _) in others.items()}
    np.savez(tmp_path / "m.npz", w=np.ones(3), **arrays)
    found = open_checkpoint(tmp_path / "m.npz")
    assert [tensor.name for tensor in found.tensors] == ["w"]
    assert found.notes == tuple(
        f"{name!r} is left out: it holds {what}." for name, (_, what) in others.items()
    )
    for name, (array, what) in others.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(CheckpointError, match=f"holds {what}, no numbers"):
            open_checkpoint(tmp_path / f"{name}.npy")


def test_two_raw_bytes_are_taken_for_bfloat16(tmp_path: Path) -> None:
    real = NUMBERS.astype(ml_dtypes.bfloat16)
    np.savez(tmp_path / "m.npz", w=real)
    found = open_checkpoint(tmp_path / "m.npz")
    assert found.tensors[0].dtype == "bfloat16"
    assert "taken for bfloat16" in found.notes[0]
    with Values(found) as values:
        np.testing.assert_array_equal(values.whole(found.tensors[0]), NUMBERS)


@given(array=arrays.arrays(st.sampled_from(["<f4", ">i8", "|b1", "<c8"]), arrays.array_shapes()))
def test_any_header_that_numpy_writes_is_understood(array: np.ndarray) -> None:
    for version in (None, (1, 0), (2, 0), (3, 0)):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version)
        header = parse_header(buffer.getvalue())
        assert header.shape == array.shape
        assert header.big_endian == (array.dtype.str[0] == ">")
        assert header.size + array.nbytes == len(buffer.getvalue())
