"""Models that Keras saved, in all three of its formats."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Checkpoint
from dltui.inspect.values import Values

# In a process of its own: Keras takes a second backend's worth of time and changes global state.
SAVE = """
import sys, logging, numpy as np, keras
logging.disable(logging.CRITICAL)
keras.utils.set_random_seed(0)
dense = keras.layers.Dense
inner = keras.Sequential([dense(4, name="one"), dense(4, name="two")], name="inner")
x = keras.Input((8, 8, 1))
h = keras.layers.Conv2D(4, 3, activation="relu", name="stem")(x)
h = keras.layers.BatchNormalization()(h)
h = keras.layers.GlobalAveragePooling2D()(h)
h = inner(h)
y = keras.layers.Dense(3, dtype="bfloat16", name="head")(h)
model = keras.Model(x, y)
model.compile(optimizer="adam", loss="mse")
model.train_on_batch(np.ones((2, 8, 8, 1)), np.zeros((2, 3)))
folder = sys.argv[1]
model.save(f"{folder}/m.keras")
model.save_weights(f"{folder}/m.weights.h5")
model.save(f"{folder}/m.h5")
to_numpy = lambda v: keras.ops.convert_to_numpy(keras.ops.cast(v, "float32"))
values = {v.path: to_numpy(v) for v in model.weights}
np.savez(f"{folder}/values.npz", **values)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keras")
    subprocess.run(
        [sys.executable, "-c", SAVE, str(folder)],
        check=True,
        capture_output=True,
        env={**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(folder)},
    )
    return folder


def all_values(found: Checkpoint) -> dict[str, np.ndarray]:
    with Values(found) as values:
        return {tensor.name: values.whole(tensor) for tensor in found.tensors}


def same_as_the_model(folder: Path, found: dict[str, np.ndarray]) -> None:
    """Each of the model's weights is among them, bit for bit."""
    given = [array.astype(np.float32).tobytes() for array in found.values()]
    with np.load(folder / "values.npz") as real:
        assert len(real.files) >= 12
        for name in real.files:
            assert real[name].tobytes() in given, name


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_the_weights_are_those_of_the_model(folder: Path, name: str) -> None:
    found = open_checkpoint(folder / name)
    values = all_values(found)
    same_as_the_model(folder, values)
    assert {tensor.dtype for tensor in found.tensors} == {"float32", "int32", "bfloat16"}
    assert any("optimizer" in name for name in values)


def test_the_layers_of_a_model_have_classes_and_settings(folder: Path) -> None:
    found = open_checkpoint(folder / "m.keras")
    assert found.format == "Keras"
    assert found.metadata["keras_version"]
    assert found.modules[""].class_name == "Functional"
    stem = found.modules["layers.conv2d"]
    assert (stem.class_name, stem.settings["filters"]) == ("Conv2D", 4)
    assert found.modules["layers.batch_normalization"].class_name == "BatchNormalization"
    assert found.modules["layers.sequential"].class_name == "Sequential"
    assert found.modules["layers.sequential.layers.dense_1"].settings["name"] == "two"
    assert found.modules["layers.dense"].settings["name"] == "head"
    assert found.modules["optimizer"].class_name == "Adam"
    homes = {tensor.name.partition(".vars.")[0] for tensor in found.tensors}
    assert homes <= set(found.modules)


def test_the_layers_of_a_legacy_model_stand_by_their_names(folder: Path) -> None:
    found = open_checkpoint(folder / "m.h5")
    assert found.format == "Keras HDF5"
    assert found.modules["model_weights.stem"].class_name == "Conv2D"
    assert found.modules["model_weights.head"].settings["units"] == 3
    assert found.modules["optimizer_weights"].class_name == "Adam"
    assert found.metadata["training_config"]["loss"] == "mse"


def test_numbered_weights_stand_in_the_order_of_their_numbers(folder: Path) -> None:
    names = [tensor.name for tensor in open_checkpoint(folder / "m.keras").tensors]
    numbers = [int(name.rpartition(".")[2]) for name in names if name.startswith("optimizer")]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 10


def test_weights_alone_say_what_they_are(folder: Path) -> None:
    assert open_checkpoint(folder / "m.weights.h5").format == "Keras weights"


def test_a_compressed_copy_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(folder / "m.keras") as real,
        zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in real.namelist():
            copy.writestr(name, real.read(name))
    with pytest.raises(CheckpointError, match="unzip it and open model"):
        open_checkpoint(tmp_path / "m.keras")


def test_compressed_datasets_within_the_archive_are_read(folder: Path, tmp_path: Path) -> None:
    real = np.arange(600.0).reshape(30, 20)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", data=real, chunks=(7, 20), compression="gzip")
        bits = real.astype(ml_dtypes.bfloat16)
        file["layers/dense/vars/1"] = bits
        file["layers/dense/vars/1"].attrs["dtype"] = "bfloat16"
    with zipfile.ZipFile(folder / "m.keras") as model:
        config = model.read("config.json")
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as copy:
        copy.writestr("config.json", config)
        copy.write(tmp_path / "w.h5", "model.weights.h5")
    values = all_values(open_checkpoint(tmp_path / "m.keras"))
    np.testing.assert_array_equal(values["layers.dense.vars.0"], real)
    np.testing.assert_array_equal(values["layers.dense.vars.1"], bits.astype(np.float32))


def test_weights_as_npz_are_read(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"layers/dense/vars/0": np.ones((2, 3))})
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as copy:
        copy.writestr("config.json", '{"class_name": "Sequential", "config": {"layers": []}}')
        copy.write(tmp_path / "w.npz", "model.weights.npz")
    found = open_checkpoint(tmp_path / "m.keras")
    assert found.modules[""].class_name == "Sequential"
    np.testing.assert_array_equal(all_values(found)["layers.dense.vars.0"], np.ones((2, 3)))


@pytest.mark.parametrize("config", ["{", "[]", '{"a":' * 300, "nan", '{"class_name": 3}'])
def test_a_strange_configuration_is_refused_or_gives_no_layers(tmp_path: Path, config: str) -> None:
    np.savez(tmp_path / "w.npz", w=np.ones(3))
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as copy:
        copy.writestr("config.json", config)
        copy.write(tmp_path / "w.npz", "model.weights.npz")
    if config.endswith("3}"):
        assert open_checkpoint(tmp_path / "m.keras").modules == {}
        return
    with pytest.raises(CheckpointError, match="JSON"):
        open_checkpoint(tmp_path / "m.keras")
