"""Pickles of arrays without torch are read as far as they can be without running them."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values

ARRAYS = {
    "w": np.arange(600, dtype=np.float32).reshape(20, 30),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(5, dtype=">i4"),
    "one": np.array(2.5),
}


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_are_tensors_bit_for_bit(tmp_path: Path, protocol: int) -> None:
    content = {"layers": ARRAYS, "epoch": np.int64(3), "score": 0.5}
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(content, protocol))
    found = open_checkpoint(tmp_path / "m.pkl")
    assert found.format == "Python pickle"
    assert found.metadata == {"epoch": 3, "score": 0.5}
    assert [tensor.name for tensor in found.tensors] == [f"layers.{name}" for name in ARRAYS]
    with Values(found) as values:
        for tensor, real in zip(found.tensors, ARRAYS.values(), strict=True):
            np.testing.assert_array_equal(values.whole(tensor), real)


def test_protocol_2_shows_what_arrays_there_are(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"w": ARRAYS["w"]}, 2))
    found = open_checkpoint(tmp_path / "m.pkl")
    shown = {"__class__": "numpy.ndarray", "shape": [20, 30], "dtype": "float32"}
    assert found.metadata == {"w": shown}


def test_joblib_is_told_what_to_use_instead(tmp_path: Path) -> None:
    joblib.dump(ARRAYS, tmp_path / "m.joblib")
    with pytest.raises(CheckpointError, match="joblib"):
        open_checkpoint(tmp_path / "m.joblib")


def test_tensors_of_pickle_dump_are_told_how_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"w": torch.arange(6.0)}))
    with pytest.raises(CheckpointError, match=r"m\.pkl: pickle\.dump wrote .*\n.*torch\.save"):
        open_checkpoint(tmp_path / "m.pkl")
