"""numpy archives that were damaged or made to do harm."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


def archive(compressed: bool) -> bytes:
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, a=np.arange(6.0).reshape(2, 3), b=np.asfortranarray(np.ones((4, 2), ">i4")))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(6.0).reshape(2, 3))
    return buffer.getvalue()


REAL = {"stored": archive(False), "deflated": archive(True), "single": array()}


@pytest.mark.parametrize("kind", REAL)
def test_a_damaged_file_is_read_or_refused(place: Path, kind: str) -> None:
    @given(data=mutated(REAL[kind]))
    @settings(max_examples=250, deadline=None)
    def check(data: bytes) -> None:
        place.write_bytes(data)
        read_or_refused(place)

    check()


@pytest.mark.parametrize("kind", REAL)
def test_a_file_cut_off_at_any_byte_is_refused(place: Path, kind: str) -> None:
    for length in range(len(REAL[kind])):
        place.write_bytes(REAL[kind][:length])
        assert read_or_refused(place)


def test_an_archive_cut_off_is_told_from_an_unknown_format(place: Path) -> None:
    place.write_bytes(REAL["stored"][:200])
    assert read_or_refused(place) == "this zip archive is damaged: its directory is missing"
    with zipfile.ZipFile(place, "w") as file:
        file.writestr("holiday.jpg", b"")
    assert "no checkpoint of a format known here" in str(read_or_refused(place))


def member(header: str, data: bytes = b"", name: str = "a.npy", deflated: bool = False) -> bytes:
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as file:
        length = len(header).to_bytes(4, "little")
        file.writestr(name, b"\x93NUMPY\x02\x00" + length + header.encode() + data)
    return buffer.getvalue()


def header(shape: str = "(4,)", descr: str = "'<f4'", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


LIES = {
    "too short": (member(header(), b"1234"), "fewer bytes"),
    "too short deflated": (member(header("(99999,)"), b"1234", deflated=True), "fewer bytes"),
    "endless": (member(header("(0, 99999999999999999999)")), "elements"),
    "a number without end": (member(header(f"({'9' * 9000},)")), "a.npy"),
    "negative": (member(header("(-4,)")), "header is none"),
    "dimensions": (member(header(f"({'1,' * 40})")), "dimensions"),
    "code": (member("{'descr': __import__('os').system('x'), 'shape': ()}"), "header is none"),
    "deep": (member("(" * 9000), "header is none"),
    "long": (member(" " * 20_000), "header has"),
    "no header": (member(""), "header is none"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_file_is_refused(place: Path, lie: str) -> None:
    data, message = LIES[lie]
    place.write_bytes(data)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(place)


def test_an_unknown_type_is_left_out_and_named(place: Path) -> None:
    place.write_bytes(member(header(descr="'<q99[red]'")))
    assert "elements of numpy's type" in open_checkpoint(place).notes[0]


@needs_proc
def test_a_bomb_is_listed_and_its_chunks_stay_small(place: Path) -> None:
    zeros = bytes(200_000_000)
    place.write_bytes(member(header("(50000000,)"), zeros, deflated=True))
    del zeros
    opened = opened_apart(place)
    assert opened.said.startswith("1 tensors")
    assert opened.peak_mib < LIMIT_MIB / 2
    found = open_checkpoint(place)
    with Values(found) as values:
        sizes = [chunk.nbytes for chunk in values.chunks(found.tensors[0], chunk_bytes=1 << 22)]
    assert sum(sizes) == 200_000_000
    assert max(sizes) <= 1 << 23


@needs_proc
def test_many_members_stay_within_memory(place: Path) -> None:
    with zipfile.ZipFile(place, "w") as file:
        content = (
            b"\x93NUMPY\x01\x00" + (60).to_bytes(2, "little") + header("(0,)").ljust(60).encode()
        )
        for number in range(30_000):
            file.writestr(f"layers/{number}/kernel.npy", content)
    opened = opened_apart(place)
    assert opened.said.startswith("30000 tensors")
    assert opened.peak_mib < LIMIT_MIB
