"""Zip archives that lie, and files that change, block or are forbidden."""

import os
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.budget import Budget
from dltui.inspect.source import Source
from dltui.inspect.values import Values
from dltui.inspect.zip_archive import Archive
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart
from tests.inspect.hostile.pickles import tensor, text, zipped

PICKLE = b"}" + text("w") + tensor((4,), (1,)) + b"s."


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return zipped(tmp_path / "m.pt", PICKLE, **{"data/0": bytes(range(16))})


def refused(path: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(path)


def entries(data: bytes) -> list[int]:
    """Where the entries of the central directory begin."""
    return [at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02"]


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def test_the_small_archive_is_sound(small: Path) -> None:
    assert open_checkpoint(small).tensors[0].elements == 4


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content in (b"}.", PICKLE):
            archive.writestr("a/data.pkl", content)
    refused(tmp_path / "m.pt", "stands twice")


def test_members_that_overlap_are_refused(small: Path) -> None:
    def share(data: bytearray) -> None:
        first, second = entries(data)
        data[second + 42 : second + 46] = data[first + 42 : first + 46]

    refused(patched(small, share), "overlap")


def test_a_header_that_disagrees_with_the_directory_is_refused(small: Path) -> None:
    def rename(data: bytearray) -> None:
        at = data.index(b"a/data.pkl")
        data[at : at + 10] = b"a/evil.pkl"

    refused(patched(small, rename), "disagrees")


def test_a_storage_whose_header_is_damaged_is_listed_and_its_values_are_refused(
    small: Path,
) -> None:
    def spoil(data: bytearray) -> None:
        at = data.index(b"a/data/0") - 30
        data[at : at + 4] = b"XXXX"

    checkpoint = open_checkpoint(patched(small, spoil))
    assert [tensor.shape for tensor in checkpoint.tensors] == [(4,)]
    with Values(checkpoint) as values, pytest.raises(CheckpointError, match="does not begin where"):
        values.stored(checkpoint.tensors[0])


def test_a_member_longer_than_the_file_is_refused(small: Path) -> None:
    def lengthen(data: bytearray) -> None:
        at = entries(data)[1]
        data[at + 20 : at + 28] = struct.pack("<II", 1 << 30, 1 << 30)

    refused(patched(small, lengthen), "beyond its data")


def test_an_encrypted_member_is_refused(small: Path) -> None:
    def encrypt(data: bytearray) -> None:
        data[entries(data)[0] + 8] |= 1

    refused(patched(small, encrypt), "encrypted")


def test_another_compression_is_refused(tmp_path: Path) -> None:
    refused(zipped(tmp_path / "m.pt", PICKLE, zipfile.ZIP_BZIP2), "method 12")


def test_a_directory_in_the_comment_is_not_taken_for_another_archive(small: Path) -> None:
    with zipfile.ZipFile(small, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18)
    refused(small, "no checkpoint|missing|damaged")


def test_a_directory_that_claims_more_members_is_refused(small: Path) -> None:
    def claim(data: bytearray) -> None:
        end = data.rindex(b"PK\x05\x06")
        data[end + 8 : end + 12] = b"\xff\xff\xff\xff"

    refused(patched(small, claim), "no checkpoint|does not fit|fewer members")


def test_archives_with_64_bit_sizes_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        with archive.open("a/data.pkl", "w", force_zip64=True) as member:
            member.write(PICKLE)
        archive.writestr("a/data/0", bytes(16))

    def widen(data: bytearray) -> None:
        """The sizes of the first member as the long form has them, in an extra field."""
        at = entries(data)[0]
        sizes = struct.unpack("<II", data[at + 20 : at + 28])
        extra = struct.pack("<HHQQ", 1, 16, sizes[1], sizes[0])
        name_end = at + 46 + len("a/data.pkl")
        data[at + 20 : at + 28] = b"\xff" * 8
        data[at + 30 : at + 32] = struct.pack("<H", len(extra))
        data[name_end:name_end] = extra
        end = data.rindex(b"PK\x05\x06")
        size = struct.unpack("<I", data[end + 12 : end + 16])[0]
        data[end + 12 : end + 16] = struct.pack("<I", size + len(extra))

    found = open_checkpoint(patched(tmp_path / "m.pt", widen))
    assert [each.name for each in found.tensors] == ["w"]


def test_a_member_that_inflates_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.pt", PICKLE + bytes(10_000), zipfile.ZIP_DEFLATED)

    def shrink(data: bytearray) -> None:
        at = entries(data)[0]
        data[at + 24 : at + 28] = struct.pack("<I", len(PICKLE))

    refused(patched(path, shrink), "size that it claims")


@needs_proc
def test_a_bomb_of_zeros_takes_no_memory(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "m.pt", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a/data.pkl", "w") as member,
    ):
        for _ in range(400):
            member.write(bytes(1 << 20))
    opened = opened_apart(tmp_path / "m.pt")
    assert "more than the" in opened.said
    assert opened.peak_mib < LIMIT_MIB


def test_values_of_a_bomb_are_refused_before_they_are_inflated(tmp_path: Path) -> None:
    huge = b"}" + text("w") + tensor((1 << 20,), (1,), elements=1 << 20) + b"s."
    path = zipped(tmp_path / "m.pt", huge, zipfile.ZIP_DEFLATED, **{"data/0": bytes(1 << 26)})

    def shrink(data: bytearray) -> None:
        at = entries(data)[1]
        data[at + 24 : at + 28] = struct.pack("<I", 1 << 22)

    found = open_checkpoint(patched(path, shrink))
    with Values(found) as values, pytest.raises(CheckpointError, match="size that they claim"):
        values.stored(found.tensors[0])


@needs_proc
def test_a_million_members_take_no_memory(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 8) + bytes(16)
    directory = b"".join(entry + b"%08x" % i for i in range(1_000_000))
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**6, 10**6, len(directory), 30
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 30 + len(directory), 1)
    end = b"PK\x05\x06" + b"\xff" * 16 + bytes(2)
    path = tmp_path / "m.pt"
    path.write_bytes(b"PK\x03\x04" + bytes(26) + directory + end64 + locator + end)
    with Source(path) as source, pytest.raises(CheckpointError, match="directory has"):
        Archive(source, Budget(path))
    assert opened_apart(path).peak_mib < LIMIT_MIB


@needs_proc
def test_sixty_thousand_tensors_are_listed_within_the_limit(tmp_path: Path) -> None:
    made = b"".join(text(f"layers.{i}.weight") + tensor((4,), (1,)) for i in range(60_000))
    path = zipped(tmp_path / "m.pt", b"}(" + made + b"u.", **{"data/0": bytes(16)})
    opened = opened_apart(path)
    assert opened.said.strip() == "60000 tensors"
    assert opened.peak_mib < LIMIT_MIB


def test_a_file_that_is_replaced_or_cut_while_open_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.save({"w": torch.arange(100_000)}, path)
    found = open_checkpoint(path)
    with Values(found) as values:
        assert values.stored(found.tensors[0])[7] == 7
        os.truncate(path, 1000)
        with pytest.raises(CheckpointError, match="changed while it was open"):
            values.stored(found.tensors[0])
    with Values(found) as values, pytest.raises(CheckpointError, match="asked for"):
        values.stored(found.tensors[0])


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    refused(tmp_path / "pipe.pt", "not a regular file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / ".metadata")
    refused(tmp_path / "folder", "no checkpoint")


@pytest.mark.skipif(sys.platform != "linux", reason="drops root's rights as Linux knows them")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    zipped(folder / "m.pt", PICKLE)
    folder.chmod(0)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from dltui.inspect import open_checkpoint\n"
        "from dltui.inspect.formats import distributed, torch_zip, run_folder, hugging_face\n"
        "from dltui.errors import CheckpointError\n"
        "os.getuid() or os.setuid(65534)\n"
        "for path in sys.argv[1:]:\n"
        "    try: open_checkpoint(Path(path))\n"
        "    except CheckpointError as error: print(error.message)\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(folder / "m.pt")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        folder.chmod(0o700)
    if "Error" in done.stderr and "import" in done.stderr:
        pytest.skip("the interpreter cannot be read without root's rights")
    assert done.stdout.count("Permission denied") == 2, done.stdout + done.stderr


def test_compressed_values_that_are_damaged_are_refused(tmp_path: Path) -> None:
    pickle = b"}" + text("w") + tensor((1 << 18,), (1,), elements=1 << 18) + b"s."
    path = zipped(tmp_path / "m.pt", pickle, zipfile.ZIP_DEFLATED, **{"data/0": bytes(1 << 20)})

    def spoil(data: bytearray) -> None:
        at = data.index(b"a/data/0") + len(b"a/data/0")
        data[at + 20 : at + 60] = b"\xff" * 40

    found = open_checkpoint(patched(path, spoil))
    with Values(found) as values:
        for read in (lambda t: values.stored(t), lambda t: list(values.chunks(t, 4096))):
            with pytest.raises(CheckpointError, match="compressed bytes"):
                read(found.tensors[0])
