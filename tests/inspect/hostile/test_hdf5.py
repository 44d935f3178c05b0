"""HDF5 files that were damaged or made to do harm: the child fails, and this process says so."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from dltui.errors import CheckpointError
from dltui.inspect import hdf5_process, open_checkpoint
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


def small() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"] = np.arange(6.0)
        file.create_dataset("z", data=np.arange(50), chunks=(20,), compression="gzip")
        file.attrs["model_config"] = "{}"
    return buffer.getvalue()


SMALL = small()


@given(data=mutated(SMALL))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


@pytest.mark.parametrize("length", [1, 8, 60, 96, 500, 800, 1500, len(SMALL) - 1])
def test_a_file_cut_off_is_refused(place: Path, length: int) -> None:
    place.write_bytes(SMALL[:length])
    assert read_or_refused(place)


def test_groups_that_hold_themselves_end(place: Path) -> None:
    with h5py.File(place, "w") as file:
        group = file.create_group("a/b/c")
        group["a"] = file["a"]
        file["a/w"] = np.ones(3)
    assert [tensor.name for tensor in open_checkpoint(place).tensors] == ["a.w"]


def test_groups_in_groups_without_end_are_refused(place: Path) -> None:
    with h5py.File(place, "w") as file:
        file.create_group("/".join("a" * 100))
    with pytest.raises(CheckpointError, match="nested deeper"):
        open_checkpoint(place)


@pytest.mark.parametrize("config", ["{", "[" * 5000])
def test_a_broken_configuration_is_refused(place: Path, config: str) -> None:
    with h5py.File(place, "w") as file:
        file.attrs["model_config"] = config
        file["w"] = np.ones(3)
    with pytest.raises(CheckpointError, match="model_config is no JSON"):
        open_checkpoint(place)


def test_a_child_that_does_not_answer_is_ended(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_bytes(SMALL)
    child = tmp_path / "child.py"
    child.write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(hdf5_process, "_CHILD", child)
    monkeypatch.setattr(hdf5_process, "_ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(CheckpointError, match="took longer"):
        open_checkpoint(place)


def test_a_child_that_dies_is_said(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write_bytes(SMALL)
    child = tmp_path / "child.py"
    child.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(hdf5_process, "_CHILD", child)
    with pytest.raises(CheckpointError, match=r"failed on it \(exit code -11\)"):
        open_checkpoint(place)


@needs_proc
def test_many_datasets_stay_within_memory(place: Path) -> None:
    with h5py.File(place, "w", libver="latest") as file:
        for number in range(1000):
            file.create_dataset(f"layers/{number}/w", (), "f4")
    opened = opened_apart(place)
    assert opened.said.startswith("1000 tensors")
    assert opened.peak_mib < LIMIT_MIB
