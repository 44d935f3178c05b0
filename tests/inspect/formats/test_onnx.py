"""ONNX models as the onnx package and torch's exporter's names have them."""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.dtypes import stored_dtype
from dltui.inspect.formats.onnx_tensor import TYPES
from dltui.inspect.values import Values


def model(*initialisers: TensorProto, nodes: list[onnx.NodeProto] | None = None) -> onnx.ModelProto:
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes or [helper.make_node("Identity", ["x"], ["y"])],
        "net",
        [info("x", TensorProto.FLOAT, ["batch", 3])],
        [info("y", TensorProto.FLOAT, [None, 3])],
        list(initialisers),
    )
    made = helper.make_model(
        graph, producer_name="a test", opset_imports=[helper.make_opsetid("", 18)]
    )
    helper.set_model_props(made, {"author": "[bold]me[/]"})
    return made


def test_the_graph_is_told_with_its_operators_and_settings(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "features.0.conv.weight")
    bias = numpy_helper.from_array(np.zeros(4, np.float32), "features.0.conv.bias")
    nodes = [
        helper.make_node(
            "Conv",
            ["x", weight.name, bias.name],
            ["h"],
            name="/features/0/conv/Conv",
            kernel_shape=[3, 3],
            group=1,
            auto_pad="VALID",
        ),
        helper.make_node("LeakyRelu", ["h"], ["h2"], alpha=0.25),
        helper.make_node("LeakyRelu", ["h2"], ["y"], alpha=0.5),
    ]
    onnx.save(model(weight, bias, nodes=nodes), tmp_path / "m.onnx")
    found = open_checkpoint(tmp_path / "m.onnx")
    assert found.format == "ONNX"
    assert found.metadata["producer_name"] == "a test"
    assert found.metadata["opset"] == {"ai.onnx": 18}
    assert found.metadata["properties"] == {"author": "[bold]me[/]"}
    graph = found.metadata["graph"]
    assert graph["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["batch", 3]}]
    assert graph["outputs"] == [{"name": "y", "dtype": "float32", "shape": [None, 3]}]
    assert graph["operators"] == {"LeakyRelu": 2, "Conv": 1}
    conv = found.modules["features.0.conv"]
    assert conv.class_name == "Conv"
    assert conv.settings == {"kernel_shape": [3, 3], "group": 1, "auto_pad": "VALID"}
    assert found.parameters == 112


NUMPY = {
    **{name: np.dtype(name) for name in ("float32", "float64", "float16", "bool", "complex64")},
    **{f"{sign}int{bits}": np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16)},
    **{f"{sign}int{bits}": np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (32, 64)},
    "complex128": np.dtype("complex128"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "float8_e8m0fnu": np.dtype(ml_dtypes.float8_e8m0fnu),
}


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_every_type_is_read_bit_for_bit(tmp_path: Path, raw: bool) -> None:
    numbers = {name: number for number, name in TYPES.items()}
    real = {
        name: (np.arange(12) - (0 if name[0] == "u" or "e8m0" in name else 6)).astype(dtype)
        for name, dtype in NUMPY.items()
    }
    tensors = [
        helper.make_tensor(name, numbers[name], (3, 4), array.tobytes() if raw else array, raw=raw)
        for name, array in real.items()
    ]
    onnx.save(model(*tensors), tmp_path / "m.onnx")
    found = open_checkpoint(tmp_path / "m.onnx")
    assert len(found.tensors) == len(real)
    assert found.notes == ()
    with Values(found) as values:
        for tensor in found.tensors:
            assert tensor.dtype == tensor.name
            stored = values.stored(tensor)
            assert stored.shape == (3, 4)
            assert stored.dtype == stored_dtype(tensor.dtype)
            assert stored.tobytes() == real[tensor.name].tobytes()
            assert np.concatenate(list(values.chunks(tensor))).tobytes() == stored.tobytes()


@pytest.mark.parametrize("name", ["int4", "uint4", "float4_e2m1fn", "int2", "uint2"])
@pytest.mark.parametrize("count", [5, 8])
def test_types_smaller_than_a_byte_give_their_values(tmp_path: Path, name: str, count: int) -> None:
    kind = next(number for number, known in TYPES.items() if known == name)
    real = np.arange(count).astype(getattr(ml_dtypes, name))
    tensor = numpy_helper.from_array(real, "w")
    assert tensor.data_type == kind
    onnx.save(model(tensor), tmp_path / "m.onnx")
    found = open_checkpoint(tmp_path / "m.onnx")
    with Values(found) as values:
        whole = values.whole(found.tensors[0])
    np.testing.assert_array_equal(whole, real.astype(np.float32))


def big(folder: Path, location: str = "weights.bin") -> Path:
    """A model with two tensors beside it."""
    tensors = [
        numpy_helper.from_array(np.arange(600, dtype=np.float32) * n, f"w{n}") for n in (1, 2)
    ]
    onnx.save(
        model(*tensors),
        folder / "m.onnx",
        save_as_external_data=True,
        location=location,
        size_threshold=0,
    )
    return folder / "m.onnx"


def test_weights_beside_the_model_are_read(tmp_path: Path) -> None:
    path = big(tmp_path)
    found = open_checkpoint(path)
    assert [file.name for file in found.files] == ["m.onnx", "weights.bin"]
    assert found.size_bytes == path.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    with Values(found) as values:
        for factor, tensor in enumerate(found.tensors, start=1):
            np.testing.assert_array_equal(values.whole(tensor), np.arange(600) * factor)


def test_missing_weights_are_said(tmp_path: Path) -> None:
    path = big(tmp_path)
    (tmp_path / "weights.bin").unlink()
    found = open_checkpoint(path)
    assert [tensor.shape for tensor in found.tensors] == [(600,), (600,)]
    assert found.notes == (
        "The file 'weights.bin' is missing, and the values of 2 tensors with it.",
    )
    with Values(found) as values, pytest.raises(CheckpointError, match="no values"):
        values.whole(found.tensors[0])


@pytest.mark.parametrize("location", ["../w", "/etc/passwd", "a/../../w", "", "..\\w", "w\0"])
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    path = big(tmp_path)
    changed = onnx.load(path, load_external_data=False)
    for entry in changed.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(CheckpointError, match="leads out of its folder"):
        open_checkpoint(path)


@pytest.mark.parametrize("key", ["offset", "length"])
@pytest.mark.parametrize("value", ["-1", "99999999", "1e3", "9" * 4000])
def test_a_place_beside_that_is_not_there_is_refused(tmp_path: Path, key: str, value: str) -> None:
    path = big(tmp_path)
    changed = onnx.load(path, load_external_data=False)
    for entry in changed.graph.initializer[0].external_data:
        if entry.key == key:
            entry.value = value
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(CheckpointError, match=r"does not lie|no number|leads out"):
        open_checkpoint(path)


def test_texts_and_sparse_tensors_are_told_for_what_they_are(tmp_path: Path) -> None:
    texts = helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"])
    made = model(texts)
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            numpy_helper.from_array(np.array([1.5, 2.5], np.float32), "s"),
            numpy_helper.from_array(np.array([3, 7], np.int64), ""),
            [10],
        )
    )
    onnx.save(made, tmp_path / "m.onnx")
    found = open_checkpoint(tmp_path / "m.onnx")
    assert found.notes == ("'words' has texts.",)
    with Values(found) as values:
        by_name = {t.name: values.whole(t).tolist() for t in found.tensors if t.place}
    assert by_name == {"s": [1.5, 2.5], ".indices": [3, 7]}
