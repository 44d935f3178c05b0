"""GGUF files as the gguf package writes them, and hand-made ones of the versions before."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.ggml import BLOCK_TYPES, BLOCKS, PLAIN_TYPES
from dltui.inspect.values import Values

NOT_DEQUANTISED = {"Q8_1", "Q8_K", "Q1_0"}


def write(path: Path, endianess: GGUFEndian = GGUFEndian.LITTLE, **arrays: np.ndarray) -> Path:
    """A small file with pairs of every type, a vocabulary, and these tensors."""
    writer = GGUFWriter(path, "llama", endianess=endianess)
    writer.add_block_count(2)
    writer.add_uint8("t.u8", 200)
    writer.add_int8("t.i8", -3)
    writer.add_uint16("t.u16", 60000)
    writer.add_int16("t.i16", -300)
    writer.add_int32("t.i32", -70000)
    writer.add_uint64("t.u64", 1 << 40)
    writer.add_int64("t.i64", -(1 << 40))
    writer.add_float32("t.f32", 0.5)
    writer.add_float64("t.f64", 0.1)
    writer.add_bool("t.bool", True)
    writer.add_string("t.string", "größer")
    writer.add_array("t.short", [1, 2, 3])
    writer.add_token_list([f"token {n}" for n in range(5000)])
    writer.add_token_scores([n / 2 for n in range(5000)])
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("endianess", [GGUFEndian.LITTLE, GGUFEndian.BIG])
def test_plain_tensors_and_all_types_of_pairs_are_read(
    tmp_path: Path, endianess: GGUFEndian
) -> None:
    rng = np.random.default_rng(0)
    real = {
        "f32": rng.standard_normal((3, 5), np.float32),
        "f16": rng.standard_normal((2, 3, 4)).astype(np.float16),
        "f64": rng.standard_normal(7),
        "i8": rng.integers(-9, 9, (3, 3)).astype(np.int8),
        "i32": rng.integers(-9, 9, 4).astype(np.int32),
    }
    copies = {name: array.copy() for name, array in real.items()}
    found = open_checkpoint(write(tmp_path / "m.gguf", endianess, **copies))
    assert found.format == "GGUF"
    pairs = {key[2:]: value for key, value in found.metadata.items() if key.startswith("t.")}
    assert pairs == {
        **{"u8": 200, "i8": -3, "u16": 60000, "i16": -300, "i32": -70000, "u64": 1 << 40},
        **{"i64": -(1 << 40), "f32": 0.5, "f64": 0.1, "bool": True, "string": "größer"},
        "short": [1, 2, 3],
    }
    tokens = found.metadata["tokenizer.ggml.tokens"]
    assert tokens["length"] == 5000
    assert tokens["first"][:2] == ["token 0", "token 1"]
    assert found.metadata["tokenizer.ggml.scores"]["type"] == "float32"
    assert found.modules[""].class_name == "llama"
    assert found.modules[""].settings == {"block_count": 2}
    with Values(found) as values:
        for tensor in found.tensors:
            assert tensor.shape == real[tensor.name].shape
            np.testing.assert_array_equal(values.stored(tensor), real[tensor.name])


def quantised_file(path: Path, alignment: int = 32) -> Path:
    """A tensor of every type in blocks, of random blocks with sound scales."""
    rng = np.random.default_rng(1)
    writer = GGUFWriter(path, "llama")
    writer.add_custom_alignment(alignment)
    for number, name in BLOCK_TYPES.items():
        if number not in GGMLQuantizationType._value2member_map_:
            continue
        elements, size = BLOCKS[name]
        kind = GGMLQuantizationType(number)
        if name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0"):
            blocks = quantize(rng.standard_normal((6, elements * 2)).astype(np.float32), kind)
        else:
            blocks = rng.integers(0, 60, (6, size * 2), np.uint8)
        writer.add_tensor(name, blocks, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("alignment", [32, 64])
def test_every_quantised_type_gives_the_values_of_the_library(
    tmp_path: Path, alignment: int
) -> None:
    path = quantised_file(tmp_path / "m.gguf", alignment)
    real = {tensor.name: tensor for tensor in GGUFReader(path).tensors}
    found = open_checkpoint(path)
    assert [tensor.name for tensor in found.tensors] == list(real)
    with Values(found) as values:
        for tensor in found.tensors:
            theirs = real[tensor.name]
            assert tensor.shape == tuple(int(size) for size in theirs.shape[::-1])
            assert tensor.dtype == theirs.tensor_type.name
            assert tensor.size_bytes == theirs.n_bytes
            if tensor.name in NOT_DEQUANTISED:
                with pytest.raises(CheckpointError, match=f"{tensor.name} are not unpacked"):
                    values.whole(tensor)
                continue
            whole = values.whole(tensor)
            np.testing.assert_array_equal(whole, dequantize(theirs.data, theirs.tensor_type))
            chunks = list(values.chunks(tensor, chunk_bytes=1000))
            assert len(chunks) > 1
            np.testing.assert_array_equal(np.concatenate(chunks), whole.reshape(-1))


def test_the_types_are_those_of_the_library() -> None:
    for kind, sizes in GGML_QUANT_SIZES.items():
        if kind.value in BLOCK_TYPES:
            assert BLOCK_TYPES[kind.value] == kind.name
            assert BLOCKS[kind.name] == sizes
        else:
            assert kind.value in PLAIN_TYPES


def old(version: int) -> bytes:
    """A file of version 1 or 2: a text, a long array, two tensors."""
    length = "<I" if version == 1 else "<Q"

    def text(value: str) -> bytes:
        return struct.pack(length, len(value)) + value.encode()

    def tensor(name: str, kind: int, offset: int, *sizes: int) -> bytes:
        packed = b"".join(struct.pack(length, size) for size in sizes)
        return (
            text(name) + struct.pack("<I", len(sizes)) + packed + struct.pack("<IQ", kind, offset)
        )

    head = b"GGUF" + struct.pack("<I", version) + struct.pack(length, 2) + struct.pack(length, 2)
    head += text("general.name") + struct.pack("<I", 8) + text("old")
    head += text("numbers") + struct.pack("<II", 9, 4) + struct.pack(length, 100)
    head += struct.pack("<100I", *range(100))
    head += tensor("a", 0, 0, 3, 2) + tensor("b", 1, 32, 4)
    head += bytes(-len(head) % 32)
    floats = np.arange(6, dtype="<f4").tobytes()
    return head + floats + bytes(8) + np.arange(4, dtype="<f2").tobytes()


@pytest.mark.parametrize("version", [1, 2])
def test_the_first_versions_are_read(tmp_path: Path, version: int) -> None:
    (tmp_path / "m").write_bytes(old(version))
    found = open_checkpoint(tmp_path / "m")
    assert found.metadata["general.name"] == "old"
    assert found.metadata["numbers"] == {
        "type": "uint32",
        "length": 100,
        "first": list(range(16)),
    }
    with Values(found) as values:
        a, b = (values.whole(tensor) for tensor in found.tensors)
    assert a.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert b.tolist() == [0, 1, 2, 3]


def test_a_part_of_several_says_so(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "m", "llama")
    writer.add_uint16("split.no", 1)
    writer.add_uint16("split.count", 3)
    writer.add_tensor("a", np.ones(4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "part 2 of 3" in open_checkpoint(tmp_path / "m").notes[0]


def test_without_the_package_the_values_name_the_extra(tmp_path: Path) -> None:
    path = quantised_file(tmp_path / "m.gguf")
    code = """
import sys
sys.modules["gguf"] = None
from pathlib import Path
from dltui.inspect import open_checkpoint
from dltui.inspect.values import Values
found = open_checkpoint(Path(sys.argv[1]))
print(len(found.tensors))
Values(found).whole(found.tensors[0])
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert int(done.stdout) > 20
    assert 'pip install "dltui[gguf]"' in done.stderr
