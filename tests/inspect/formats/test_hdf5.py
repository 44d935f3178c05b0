"""HDF5 files as h5py writes them."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Dataset, Plain
from dltui.inspect.values import Values

NUMBERS = np.arange(6000).reshape(300, 20)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every layout, byte order and type, and with what is no array of numbers."""
    path = tmp_path_factory.mktemp("hdf5") / "m.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file.attrs["author"] = "[bold]me"
        for code in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "c8", "c16"):
            file[f"plain/{code}"] = NUMBERS[:3].astype(code)
        file["plain/bool"] = np.array([True, False, True])
        file["big/endian"] = NUMBERS.astype(">f4")
        file.create_dataset("big/chunked", data=NUMBERS.astype(">i4"), chunks=(7, 3))
        file.create_dataset("zip", data=NUMBERS, chunks=(50, 20), compression="gzip")
        file.create_dataset(
            "shuffled", data=NUMBERS, chunks=(50, 5), compression="lzf", shuffle=True
        )
        file.create_dataset("growing", data=NUMBERS, maxshape=(None, 20))
        file["scalar"] = np.float32(2.5)
        file["empty"] = np.zeros((0, 3), np.float32)
        file["tied"] = file["plain/f4"]
        file["words"] = ["a", "b"]
        file["records"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
        file["soft"] = h5py.SoftLink("/zip")
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    return path


def test_every_layout_and_type_is_read_bit_for_bit(path: Path) -> None:
    found = open_checkpoint(path)
    assert found.format == "HDF5"
    assert found.metadata == {"author": "[bold]me"}
    by_name = {tensor.name: tensor for tensor in found.tensors}
    with h5py.File(path) as file, Values(found) as values:
        for tensor in found.tensors:
            real = file[tensor.name.replace(".", "/")][()]
            stored = values.stored(tensor)
            assert stored.shape == real.shape
            assert stored.dtype == real.dtype
            assert stored.tobytes() == real.tobytes()
            chunks = list(values.chunks(tensor))
            assert b"".join(chunk.tobytes() for chunk in chunks) == real.tobytes()
    assert len(by_name) == 22
    assert isinstance(by_name["big.endian"].place, Plain)
    assert isinstance(by_name["zip"].place, Dataset)


def test_hard_links_are_one_storage(path: Path) -> None:
    found = open_checkpoint(path)
    by_name = {tensor.name: tensor for tensor in found.tensors}
    assert by_name["tied"].storage == by_name["plain.f4"].storage != ""
    assert by_name["zip"].storage == ""


def test_what_is_no_array_of_numbers_is_said(path: Path) -> None:
    assert sorted(open_checkpoint(path).notes) == [
        "'records' is left out: it holds records.",
        "'words' is left out: it holds texts.",
        "Links to other places of the file or to other files are not followed.",
    ]


def test_a_large_dataset_is_read_in_several_steps(tmp_path: Path) -> None:
    real = np.random.default_rng(0).standard_normal((5000, 400)).astype(np.float32)
    with h5py.File(tmp_path / "m", "w") as file:
        file.create_dataset("w", data=real, chunks=(300, 400), compression="gzip")
    found = open_checkpoint(tmp_path / "m")
    with Values(found) as values:
        chunks = list(values.chunks(found.tensors[0]))
        assert len(chunks) > 1
        np.testing.assert_array_equal(np.concatenate(chunks).reshape(real.shape), real)


def test_files_that_a_dataset_names_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(100)))
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["d"] = np.arange(4.0)
    with h5py.File(tmp_path / "m", "w") as file:
        file.create_dataset("raw", (25,), "u1", external=[(str(tmp_path / "secret"), 0, 25)])
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "source.h5"), "d", (4,))
        file.create_virtual_dataset("virtual", layout)
    found = open_checkpoint(tmp_path / "m")
    assert found.tensors == ()
    assert len(found.notes) == 2
    assert all("values that are in other files" in note for note in found.notes)


def test_more_than_the_file_can_hold_is_not_believed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m", "w") as file:
        file.create_dataset("w", (1 << 20, 1 << 20), "f4", chunks=(1 << 10, 1 << 10))
        file.create_dataset("v", (1 << 40,), "f4")
    found = open_checkpoint(tmp_path / "m")
    assert found.tensors == ()
    assert all("in the file" in note for note in found.notes)


def test_without_the_package_the_extra_is_named(path: Path) -> None:
    code = """
import sys
from pathlib import Path
from dltui.inspect import hdf5_process, open_checkpoint
hdf5_process._CHILD = Path(sys.argv[2])
open_checkpoint(Path(sys.argv[1]))
"""
    child = path.parent / "child.py"
    real = Path(sys.modules["dltui.inspect.hdf5_process"].__file__ or "").with_name("hdf5_child.py")
    child.write_text(
        f"import sys\nsys.modules['h5py'] = None\n{real.read_text().partition('annotations')[2]}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(child)], capture_output=True, text=True
    )
    assert 'pip install "dltui[hdf5]"' in done.stderr


def test_an_array_that_is_no_multiple_of_its_rows_is_refused_when_the_file_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m"
    with h5py.File(path, "w") as file:
        file.create_dataset("w", data=NUMBERS, chunks=(50, 20), compression="gzip")
    found = open_checkpoint(path)
    os.truncate(path, 100)
    with Values(found) as values, pytest.raises(CheckpointError, match="HDF5"):
        values.whole(found.tensors[0])
