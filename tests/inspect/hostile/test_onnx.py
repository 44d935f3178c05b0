"""ONNX files that were damaged or made to do harm."""

import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from onnx import TensorProto, helper, numpy_helper

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from tests.inspect.formats.test_onnx import big, model
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


SMALL = model(
    numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "a.weight"),
    helper.make_tensor("b", TensorProto.INT64, [3], [1, -1, 300]),
    numpy_helper.from_array(np.array([1, -1, 3]).astype(ml_dtypes.int4), "c"),
    nodes=[helper.make_node("Gemm", ["x", "a.weight"], ["y"], transB=1, alpha=0.5)],
).SerializeToString()


@given(data=mutated(SMALL))
@settings(max_examples=500, deadline=None)
def test_a_damaged_file_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


def test_a_file_cut_off_is_refused(place: Path) -> None:
    place.write_bytes(SMALL)
    assert read_or_refused(place) is None
    graph_ends = SMALL.rindex(b"B\x04")  # the operators' version and the properties follow
    for length in range(graph_ends):
        place.write_bytes(SMALL[:length])
        assert read_or_refused(place)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


HEAD = b"\x08\x08" + field(2, b"x")


def tensor(name: bytes, *sizes: int, data: bytes = b"", kind: int = 1) -> bytes:
    shape = b"".join(b"\x08" + varint(size) for size in sizes)
    return field(5, shape + b"\x10" + varint(kind) + field(8, name) + field(9, data))


LIES = {
    "longer than the file": (HEAD + b"\x3a" + varint(1 << 40), "does not fit"),
    "endless number": (HEAD + b"\x28" + b"\xff" * 20, "ten bytes"),
    "group": (HEAD + b"\x1b\x00", "unknown kind"),
    "two graphs": (HEAD + field(7, b"") + field(7, b""), "two graphs"),
    "no graph": (HEAD, "no graph"),
    "size": (HEAD + field(7, tensor(b"a", 1 << 40, data=b"1234")), "not its shape"),
    "negative": (HEAD + field(7, tensor(b"a", (1 << 64) - 2, data=b"")), "negative"),
    "endless": (HEAD + field(7, tensor(b"a", *[1 << 30] * 9)), "elements"),
    "dimensions": (HEAD + field(7, tensor(b"a", *[1] * 60_000)), "dimensions"),
    "name": (HEAD + field(7, tensor(b"a" * 5000)), "name of"),
    "twice": (HEAD + field(7, tensor(b"a", 0) + tensor(b"a", 0)), "twice"),
    "fewer numbers": (
        HEAD + field(7, field(5, b"\x08\x05\x10\x07" + field(7, b"\x01") + field(8, b"a"))),
        "fewer values",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(place: Path, lie: str) -> None:
    data, message = LIES[lie]
    place.write_bytes(data)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(place)


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop"])
def test_weights_beside_that_are_no_file_are_refused_or_missing(tmp_path: Path, kind: str) -> None:
    path = big(tmp_path)
    beside = tmp_path / "weights.bin"
    beside.unlink()
    if kind == "loop":
        beside.symlink_to(beside.name)
        assert "is missing" in open_checkpoint(path).notes[0]
        return
    os.mkfifo(beside) if kind == "fifo" else beside.mkdir()
    with pytest.raises(CheckpointError, match="regular file"):
        open_checkpoint(path)


BOMBS = {
    "tensors": lambda: (
        tensor(b"x") and b"".join(tensor(b"l.%d.weight" % n, 0) for n in range(100_000))
    ),
    "nodes": lambda: field(1, field(4, b"Relu")) * 200_000,
    "operators": lambda: b"".join(field(1, field(4, b"%d" % n)) for n in range(150_000)),
    "inputs": lambda: field(11, field(1, b"x")) * 200_000,
    "dimensions": lambda: field(
        11, field(2, field(1, field(2, field(1, b"\x08\x01") * 2_000_000)))
    ),
    "texts": lambda: field(11, field(1, ("😀" + "a" * 200_000).encode())) * 200,
    "settings": lambda: b"".join(
        tensor(b"l%d.weight" % n, 0)
        + field(
            1, field(1, b"l%d.weight" % n) + field(5, field(1, b"a") + field(8, b"\x7f" * 60)) * 10
        )
        for n in range(40_000)
    ),
}


@needs_proc
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_stays_bounded(place: Path, bomb: str) -> None:
    place.write_bytes(HEAD + field(7, BOMBS[bomb]()))
    assert opened_apart(place).peak_mib < LIMIT_MIB
