"""Pickles and torch's files that were damaged, or made to take all memory or all time."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.budget import Budget
from dltui.inspect.pickles.machine import unpickle
from dltui.inspect.values import Values
from tests.inspect.hostile.mutations import mutated, read_or_refused
from tests.inspect.hostile.opening_apart import LIMIT_MIB, needs_proc, opened_apart
from tests.inspect.hostile.pickles import legacy, numbers, tensor, text, zipped


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "f"


def torch_file(**how: bool) -> bytes:
    weight = torch.arange(6.0).reshape(2, 3)
    model = torch.nn.Linear(3, 2)
    content = {"w": weight, "t": weight.t(), "model": model, "epoch": 3, "best": np.float64(2)}
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


ZIP = torch_file()
LEGACY = torch_file(_use_new_zipfile_serialization=False)


@given(data=mutated(ZIP))
@settings(max_examples=250, deadline=None)
def test_a_damaged_zip_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


@given(data=mutated(LEGACY))
@settings(max_examples=250, deadline=None)
def test_a_damaged_legacy_file_is_read_or_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    read_or_refused(place)


def script_file() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


def exported_file() -> bytes:
    """As torch.export.save has it, with one weight."""
    meta = {"dtype": 7, "sizes": [{"as_int": 4}], "strides": [{"as_int": 1}]}
    meta |= {"storage_offset": {"as_int": 0}, "layout": 7}
    entry = {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta}
    members = {
        "data/weights/weight_0": bytes(16),
        "data/weights/model_weights_config.json": json.dumps({"config": {"w": entry}}).encode(),
        "models/model.json": b'{"torch_version": "2.15"}',
        "archive_format": b"pt2",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"a/{name}", data)
    return buffer.getvalue()


PROGRAMS = {"TorchScript": script_file(), "exported": exported_file()}


@pytest.mark.parametrize("kind", PROGRAMS)
@given(chosen=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_program_is_read_or_refused(
    place: Path, kind: str, chosen: st.DataObject
) -> None:
    place.write_bytes(PROGRAMS[kind])
    assert read_or_refused(place) is None
    place.write_bytes(chosen.draw(mutated(PROGRAMS[kind])))
    read_or_refused(place)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards") / "step"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save({"w": torch.arange(6.0).reshape(2, 3), "epoch": 3}, checkpoint_id=path)
    return path


@given(chosen=st.data())
@settings(max_examples=250, deadline=None)
def test_a_damaged_distributed_checkpoint_is_read_or_refused(
    shards: Path, chosen: st.DataObject
) -> None:
    file = shards / chosen.draw(st.sampled_from([".metadata", "__0_0.distcp"]))
    sound = file.read_bytes()
    try:
        file.write_bytes(chosen.draw(mutated(sound)))
        read_or_refused(shards)
    finally:
        file.write_bytes(sound)
    assert read_or_refused(shards) is None


PICKLE = zipfile.ZipFile(io.BytesIO(ZIP)).read("archive/data.pkl")


@given(data=mutated(PICKLE) | st.binary(max_size=200))
@settings(max_examples=600, deadline=None)
def test_a_damaged_pickle_is_read_or_refused(data: bytes) -> None:
    try:
        found = unpickle(data, Budget(Path("f")))
    except CheckpointError:
        return
    assert found.end <= len(data)


@pytest.mark.parametrize("data", [ZIP, LEGACY], ids=["zip", "legacy"])
def test_a_file_cut_off_at_any_byte_is_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    assert read_or_refused(place) is None
    step = 1 if len(data) < 3000 else 7
    for length in range(0, len(data), step):
        place.write_bytes(data[:length])
        assert read_or_refused(place)


LIES = {
    "beyond its storage": (tensor((5,), (1,)), "beyond its storage"),
    "an offset beyond": (tensor((1,), (1,), offset=4), "beyond its storage"),
    "a stride beyond": (tensor((2,), (9,)), "beyond its storage"),
    "a negative size": (tensor((-2,), (1,)), "shape"),
    "a negative stride": (tensor((2,), (-1,)), "shape"),
    "a negative offset": (tensor((2,), (1,), offset=-1), "place"),
    "a storage longer than its member": (tensor((1,), (1,), elements=5), "shorter"),
    "a storage of negative length": (tensor((1,), (1,), elements=-4), "storage"),
    "endless": (tensor((1 << 40, 1 << 40), (0, 0)), "elements"),
    "many dimensions": (tensor((1,) * 80, (1,) * 80), "dimensions"),
    "fewer strides": (tensor((2, 2), (1,)), "strides"),
    "no arguments": (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "arguments"),
    "arguments that are no tuple": (b"ctorch._utils\n_rebuild_tensor_v2\nNR", "arguments"),
    "no storage": (b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00)))Nt" + b"R", "storage"),
    "another storage": (tensor((1,), (1,)).replace(text("0"), text("../0")), "missing"),
    "wrapped in itself": (
        b"ctorch._utils\n_rebuild_parameter\n" * 40 + tensor((1,), (1,)) + b"\x85R" * 40,
        "wrappings",
    ),
    "memo": (b"j\x00\x00\x00\x01", "never kept"),
    "stack": (b"00000", "stack"),
    "protocol": (b"\x80\x09N", "protocol 9"),
    "opcode": (b"\xff", "no opcode"),
    "a buffer outside": (b"\x97", "buffer"),
    "a huge number": (b"\x8b\xff\xff\xff\x7f" + bytes(10), "number of"),
    "a text longer than the file": (b"\x8d" + b"\xff" * 8, "ends too early"),
    "an unhashable key is no matter": (b"}]Ns", ""),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_pickle_is_refused(tmp_path: Path, lie: str) -> None:
    pickle, message = LIES[lie]
    path = zipped(tmp_path / "m.pt", pickle + b".", **{"data/0": bytes(16)})
    if not message:
        assert open_checkpoint(path).tensors == ()
        return
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(path)


MANY = 6_000_000
BOMBS: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"]" * MANY,
    "nested lists": lambda: b"]" * MANY + b"a" * (MANY - 1),
    "a few nested": lambda: b"]" * 3000 + b"a" * 2999,
    "marks": lambda: b"(" * MANY,
    "dictionaries": lambda: b"}" * MANY,
    "sets": lambda: b"\x8f" * MANY,
    "nested tuples": lambda: b"N" + b"\x85" * MANY,
    "numbers": lambda: b"N" * MANY * 4,
    "memo": lambda: b"N" + b"".join(b"r" + i.to_bytes(4, "little") for i in range(1_500_000)),
    "memoize": lambda: b"N" + b"\x94" * MANY * 2,
    "doubled": lambda: b"]" + b"2" * MANY * 2,
    "calls": lambda: b"ca\nb\n" + b")R" * (MANY // 2),
    "keys": lambda: b"}(" + b"N" * MANY * 2 + b"u",
    "references": lambda: b"N" + b"Q" * MANY,
    "wide text": lambda: (
        b"X" + (50_000_000).to_bytes(4, "little") + "\U0001f600".encode() * 12_500_000
    ),
    "wide texts": lambda: (
        (b"X" + (4_000_000).to_bytes(4, "little") + "\U0001f600".encode() * 1_000_000) * 12
    ),
    "an endless line": lambda: b"c" + b"a" * 50_000_000 + b"\n",
    "states": lambda: b"ca\nb\n)R" + b"}(" + b"N" * 2_000_000 + b"uq\x00b" + b"h\x00b" * 10_000,
    "laughs": lambda: (
        b"]q\x00"
        + b"".join(
            b"](" + b"h" + bytes([i]) + (b"h" + bytes([i])) * 9 + b"eq" + bytes([i + 1])
            for i in range(30)
        )
    ),
    "many names for one tensor": lambda: (
        b"](" + tensor((1,), (1,)) + b"q\x00" + b"h\x00" * 5_000_000 + b"e"
    ),
    "long names": lambda: (
        b"}"
        + text("k" * 1_000_000)
        + b"]("
        + tensor((1,), (1,))
        + b"q\x00"
        + b"h\x00" * 1_000_000
        + b"es"
    ),
    "a shape of a million": lambda: tensor((1,), (1,)).replace(
        numbers(1), b"(" + b"K\x01" * 1_000_000 + b"t", 1
    ),
    "equal hashes": lambda: (
        b"}("
        + b"".join(
            b"\x8a\x10" + (i * (2**61 - 1)).to_bytes(16, "little") + b"N" for i in range(200_000)
        )
        + b"u"
    ),
    "encoded texts": lambda: (
        b"](c_codecs\nencode\n"
        + text("x" * 4_000_000)
        + text("latin1")
        + b"\x86Rq\x00"
        + b"h\x00" * 1_000_000
        + b"e"
    ),
    "ordered dictionaries": lambda: (
        b"](ccollections\nOrderedDict\n]("
        + b"N" * 1_000_000
        + b"e\x85Rq\x00"
        + b"h\x00" * 1_000_000
        + b"e"
    ),
    "sizes of wrapped tensors": lambda: (
        b"](ctorch._tensor\n_rebuild_from_type_v2\n("
        + b"ctorch._utils\n_rebuild_wrapper_subclass\nN(Nctorch\nfloat32\n]("
        + b"K\x01" * 1_000_000
        + b"e)tNtRq\x00"
        + b"h\x00" * 1_000_000
        + b"e"
    ),
    "long keys": lambda: b"}" + text("k" * 4_000_000) + b"](" + b"N" * 1_000_000 + b"es",
    "a module with many names": lambda: (
        b"](ctorch\nModule\n)\x81}("
        + text("_modules")
        + b"}"
        + text("_parameters")
        + b"}"
        + b"".join(text(f"_{i}") + b"N" for i in range(200_000))
        + b"ubq\x00"
        + b"h\x00" * 1_000_000
        + b"e"
    ),
}


@needs_proc
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_and_time_stay_bounded(tmp_path: Path, bomb: str) -> None:
    path = zipped(
        tmp_path / "m.pt", BOMBS[bomb]() + b".", zipfile.ZIP_DEFLATED, **{"data/0": bytes(16)}
    )
    opened = opened_apart(path)
    assert opened.peak_mib < LIMIT_MIB
    harmless = ("memo", "wide text", "states", "equal hashes")
    assert opened.said.startswith("refused:") or bomb in harmless, opened.said


@needs_proc
def test_a_legacy_bomb_stays_bounded(tmp_path: Path) -> None:
    opened = opened_apart(legacy(tmp_path / "m.pt", b"]" * MANY))
    assert opened.peak_mib < LIMIT_MIB
    assert "refused" in opened.said


@needs_proc
def test_the_files_of_a_step_stay_bounded_together(tmp_path: Path) -> None:
    """Each for itself would pass."""
    entry = b"}K\x01}K\x01}K\x01Nsss"
    for name in ("model.pt", "ema.pt", "training.pt"):
        bomb = b"}" + text(name) + b"](" + entry * 45_000 + b"es."
        zipped(tmp_path / name, bomb, zipfile.ZIP_DEFLATED)
    alone = opened_apart(tmp_path / "model.pt")
    assert not alone.said.startswith("refused:")
    together = opened_apart(tmp_path)
    assert together.said.startswith("refused:")
    assert together.peak_mib < LIMIT_MIB


def test_cyclic_objects_are_shown_once(tmp_path: Path) -> None:
    itself = b"]q\x00h\x00a"
    other = b"}q\x01" + text("up") + b"h\x01s"
    path = zipped(tmp_path / "m.pt", b"}" + text("a") + itself + b"s" + text("b") + other + b"s.")
    assert open_checkpoint(path).metadata == {
        "a": [{"__cycle__": "a"}],
        "b": {"up": {"__cycle__": "b"}},
    }


def test_strange_strides_are_read_without_memory(tmp_path: Path) -> None:
    odd = (tensor((1, 4), (1 << 50, 1)), tensor((0, 1 << 40), (1, 1)), tensor((1 << 50,), (0,)))
    path = zipped(tmp_path / "m.pt", b"](" + b"".join(odd) + b"e.", **{"data/0": bytes(range(16))})
    found = open_checkpoint(path)
    with Values(found) as values:
        first, empty, endless = found.tensors
        assert values.stored(first).shape == (1, 4)
        assert values.stored(empty).size == 0
        assert values.stored(endless)[-1] == values.stored(first)[0, 0]
        assert len(next(values.chunks(endless))) < 1 << 23
