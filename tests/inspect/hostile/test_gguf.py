"""GGUF files that were damaged or made to do harm."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def pair(key: bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: bytes, kind: int, offset: int, *sizes: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def gguf(pairs: list[bytes], tensors: list[bytes], data: bytes = b"") -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs + tensors)
    return head + bytes(-len(head) % 32) + data


SMALL = gguf(
    [pair(b"general.architecture", 8, text(b"x")), pair(b"n", 9, struct.pack("<IQ2f", 6, 2, 1, 2))],
    [tensor(b"a", 0, 0, 3, 2), tensor(b"b", 2, 32, 32), tensor(b"c", 12, 64, 256)],
    bytes(range(208)),
)


@given(data=mutated(SMALL))
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


def test_the_whole_file_is_read(place: Path) -> None:
    place.write_bytes(SMALL)
    assert read_or_refused(place) is None


def test_a_file_cut_off_at_any_byte_is_refused(place: Path) -> None:
    for length in range(len(SMALL)):
        place.write_bytes(SMALL[:length])
        assert read_or_refused(place)


LIES = {
    "past the end": (gguf([], [tensor(b"a", 0, 1 << 40, 3)]), "outside"),
    "too large": (gguf([], [tensor(b"a", 0, 0, 1 << 40)]), "outside"),
    "endless": (gguf([], [tensor(b"a", 0, 0, *[1 << 62] * 8)]), "elements"),
    "dimensions": (gguf([], [text(b"a") + struct.pack("<I", 1 << 31)]), "dimensions"),
    "no whole blocks": (gguf([], [tensor(b"a", 2, 0, 33)]), "whole Q4_0 blocks"),
    "overlapping": (
        gguf([], [tensor(b"a", 0, 0, 8), tensor(b"b", 0, 4, 8)], bytes(64)),
        "overlaps",
    ),
    "the same name": (gguf([], [tensor(b"a", 0, 0, 1)] * 2, bytes(64)), "twice"),
    "the same key": (gguf([pair(b"k", 0, b"1")] * 2, []), "twice"),
    "a long key": (gguf([struct.pack("<Q", 1 << 62)], []), "name of"),
    "a long text": (gguf([pair(b"k", 8, struct.pack("<Q", 1 << 62))], []), "are left"),
    "many texts": (gguf([pair(b"k", 9, struct.pack("<IQ", 8, 1 << 60))], []), "are"),
    "a long array": (gguf([pair(b"k", 9, struct.pack("<IQ", 6, 1 << 62))], []), "are left"),
    "arrays in arrays": (
        gguf([pair(b"k", 9, struct.pack("<IQ", 9, 1) * 5000)], []),
        "unknown type 9",
    ),
    "unknown value": (gguf([pair(b"k", 77, b"")], []), "unknown type 77"),
    "no alignment": (gguf([pair(b"general.alignment", 4, struct.pack("<I", 0))], []), "alignment"),
    "alignment of text": (gguf([pair(b"general.alignment", 8, text(b"x"))], []), "alignment"),
    "a million tensors": (b"GGUF" + struct.pack("<IQQ", 3, 1 << 20, 0), "at most"),
    "a million pairs": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 20), "at most"),
    "version": (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "version 9"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(place: Path, lie: str) -> None:
    data, message = LIES[lie]
    place.write_bytes(data)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(place)


def test_a_type_of_the_future_is_listed_without_values(place: Path) -> None:
    place.write_bytes(gguf([], [tensor(b"a", 99, 0, 4), tensor(b"b", 0, 0, 1)], bytes(64)))
    found = open_checkpoint(place)
    assert [tensor.dtype for tensor in found.tensors] == ["ggml type 99", "float32"]
    assert found.notes == ("The type 99 of 'a' is not known here.",)
    assert read_or_refused(place) == "a: the file has no values for it"


def test_names_with_escapes_are_kept_and_escaped_in_messages(place: Path) -> None:
    name = b"\x1b[31m[bold]\n" * 20
    place.write_bytes(gguf([], [tensor(name, 0, 1 << 50, 4)]))
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(place)
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 200


def many_texts() -> bytes:
    return gguf([pair(b"k", 9, struct.pack("<IQ", 8, 9_000_000) + bytes(72_000_000))], [])


BOMBS = {
    "texts": many_texts,
    "long values": lambda: gguf([pair(b"%d" % n, 8, text(b"a" * 250_000)) for n in range(200)], []),
    "pairs": lambda: gguf([pair(b"%d" % n, 8, text(b"ab")) for n in range(100_000)], []),
    "tensors": lambda: gguf([], [tensor(b"layer.%d.weight" % n, 0, 0, 0) for n in range(100_000)]),
    "long names": lambda: gguf(
        [], [tensor(b"%d" % n + b"a" * 60_000, 0, 0, 0) for n in range(1000)]
    ),
    "arrays": lambda: gguf(
        [pair(b"%d" % n, 9, struct.pack("<IQ64d", 12, 64, *range(64))) for n in range(20_000)],
        [],
    ),
}


@needs_proc
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_stays_bounded(place: Path, bomb: str) -> None:
    place.write_bytes(BOMBS[bomb]())
    assert opened_apart(place).peak_mib < LIMIT_MIB
