"""Statistics of all tensors at once, on several threads."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint, survey
from dltui.inspect.contents import Checkpoint
from dltui.inspect.statistics import Statistics, statistics
from dltui.inspect.values import Values
from tests.inspect.made import write_in_order


@pytest.fixture
def stored(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(0)
    tensors = {f"w{i}": torch.randn(40 + i, 300).to(dtype) for i, dtype in enumerate(_TYPES * 3)}
    tensors |= {"empty": torch.zeros(0, 3), "scalar": torch.tensor(2.0), "mask": torch.ones(5) > 0}
    return open_checkpoint(write_in_order(tmp_path / "m.safetensors", tensors))


_TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int64]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_it_finds_what_each_tensor_alone_has(
    stored: Checkpoint, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(survey, "PIECE_BYTES", 10_000)
    found = {tensor.name: each for tensor, each in survey.survey(stored, threads=threads)}
    assert sorted(found) == sorted(tensor.name for tensor in stored.tensors)
    with Values(stored) as values:
        for tensor in stored.tensors:
            alone, shared = statistics(values, tensor), found[tensor.name]
            assert isinstance(shared, Statistics)
            assert not shared.partial
            assert (shared.zeros, shared.negative) == (alone.zeros, alone.negative)
            assert shared.histogram == alone.histogram
            assert shared.percentiles == pytest.approx(alone.percentiles, nan_ok=True)
            assert shared.std == pytest.approx(alone.std, nan_ok=True)
            assert shared.mean == pytest.approx(alone.mean, nan_ok=True, abs=1e-7)


def test_progress_counts_up_to_all_bytes(stored: Checkpoint) -> None:
    seen: list[tuple[int, int]] = []
    list(survey.survey(stored, on_progress=lambda done, of: seen.append((done, of))))
    total = sum(tensor.size_bytes for tensor in stored.tensors)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)


def test_only_what_is_asked_for_is_read(stored: Checkpoint) -> None:
    wanted = stored.tensors[2:3]
    assert tuple(tensor for tensor, _ in survey.survey(stored, wanted)) == wanted
    assert list(survey.survey(stored, [])) == []


def test_it_stops_when_it_is_told_to(stored: Checkpoint) -> None:
    asked = iter(range(100))
    found = list(survey.survey(stored, threads=1, cancelled=lambda: next(asked) > 8))
    assert 3 <= len(found) < len(stored.tensors)
    assert all(isinstance(each, Statistics) and not each.partial for _, each in found)


def test_who_takes_no_more_leaves_no_thread_behind(stored: Checkpoint) -> None:
    before = threading.active_count()
    running = survey.survey(stored, threads=2)
    next(running)
    running.close()
    assert threading.active_count() == before


def test_quantised_blocks_count_as_the_values_that_they_stand_for(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    chance = np.random.default_rng(0)
    values = chance.standard_normal((64, 256)).astype(np.float32)
    kind = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("w", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ((_, found),) = survey.survey(open_checkpoint(tmp_path / "m.gguf"))
    assert isinstance(found, Statistics)
    assert found.count == 64 * 256
    assert found.std == pytest.approx(float(values.std()), rel=1e-3)


def test_a_few_bytes_repeated_without_end_are_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1).expand(1 << 40), "v": torch.ones(3)}, tmp_path / "m.pt")
    found = {
        tensor.name: each for tensor, each in survey.survey(open_checkpoint(tmp_path / "m.pt"))
    }
    assert isinstance(found["w"], CheckpointError)
    assert isinstance(found["v"], Statistics)


def test_what_a_cut_off_file_has_lost_is_told_for_each_tensor(stored: Checkpoint) -> None:
    with stored.path.open("r+b") as file:
        file.truncate(60_000)
    found = dict(survey.survey(stored))
    lost = [each for each in found.values() if isinstance(each, CheckpointError)]
    assert len(found) == len(stored.tensors)
    assert isinstance(found[stored.tensors[0]], Statistics)
    assert len(lost) >= len(stored.tensors) - 4
    assert "truncated" in str(lost[0].remedy)
