"""safetensors files and indexes that were damaged or made to do harm."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from dltui.inspect.checks import MAX_TENSORS
from dltui.inspect.formats import safetensors
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart

REAL = save(
    {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)},
    metadata={"format": "pt"},
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


@given(data=mutated(REAL))
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


def test_a_file_cut_off_at_any_byte_is_refused(place: Path) -> None:
    for length in range(len(REAL)):
        place.write_bytes(REAL[:length])
        assert read_or_refused(place)


@given(text=st.text(alphabet='{}[]":,\\ a0', max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_as_a_header_is_read_or_refused(place: Path, text: str) -> None:
    raw = ("{" + text).encode()
    place.write_bytes(len(raw).to_bytes(8, "little") + raw)
    read_or_refused(place)


INDEX = json.dumps(
    {"metadata": {"total_size": 1}, "weight_map": {"a.weight": "m.safetensors", "b": "n"}}
).encode()


@given(data=mutated(INDEX))
@settings(max_examples=300, deadline=None)
def test_a_damaged_index_is_read_or_refused(place: Path, data: bytes) -> None:
    (place.parent / "m.safetensors").write_bytes(REAL)
    index = place.with_name("model.safetensors.index.json")
    index.write_bytes(data)
    read_or_refused(index)


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


def entries(count: int, name: str) -> bytes:
    one = ',"%s":{"dtype":"U8","shape":[0,1,2,3],"data_offsets":[0,0]}'
    return ("{" + "".join(one % name.format(n) for n in range(count))[1:] + "}").encode()


BOMBS = {
    "lists": lambda: header(b'{"a":[' + b"[]," * 10_000_000 + b"[]]}"),
    "a list as an entry": lambda: header(b'{"a":{"shape":[' + b"1," * 15_000_000 + b"1]}}"),
    "metadata": lambda: header(
        b'{"__metadata__":{' + b",".join(b'"%x":""' % n for n in range(400_000)) + b"}}"
    ),
    "a long name": lambda: header(b'{"' + b"a" * 30_000_000 + b'":{}}'),
    "escapes": lambda: header(b'{"' + b"\\n" * 15_000_000 + b'":{}}'),
    "brackets": lambda: header(b'{"a":' + b"[" * 30_000_000),
    "wide shapes": lambda: header(
        entries(150_000, "{:x}").replace(b"[0,1,2,3]", b"[0" + b",1" * 31 + b"]")
    ),
    "wide names": lambda: header(entries(150_000, "{:x}" + "a" * 130 + "😀")),
    "too long": lambda: header(b"{" + b" " * 40_000_000 + b"}"),
}


@needs_proc
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_stays_bounded(place: Path, bomb: str) -> None:
    place.write_bytes(BOMBS[bomb]())
    assert opened_apart(place).peak_mib < LIMIT_MIB


@needs_proc
def test_a_large_index_stays_bounded(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(header(entries(MAX_TENSORS, "layers.{:x}.weight")))
    where = {f"layers.{n:x}.weight": "m.safetensors" for n in range(MAX_TENSORS)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    opened = opened_apart(tmp_path)
    assert opened.said.startswith(f"{MAX_TENSORS} tensors")
    assert opened.peak_mib < LIMIT_MIB


def test_more_tensors_than_any_model_has_are_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors, "MAX_TENSORS", 100)
    place.write_bytes(header(entries(100, "{:x}")))
    assert read_or_refused(place) is None
    place.write_bytes(header(entries(101, "{:x}")))
    assert "more tensors, at most 100 are read" in str(read_or_refused(place))
