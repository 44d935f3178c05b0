"""Two checkpoints beside each other: what is only in one, and how far the values are apart."""

import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.inspect.diff import Difference, diff
from dltui.inspect.matching import bare_name
from dltui.inspect.trajectory import checkpoints_in, trajectory

Tensors = dict[str, torch.Tensor]


def compared(folder: Path, a: Tensors, b: Tensors) -> Difference:
    save_file(a, folder / "a.safetensors")
    save_file(b, folder / "b.safetensors")
    return diff(
        open_checkpoint(folder / "a.safetensors"), open_checkpoint(folder / "b.safetensors")
    )


def test_files_with_the_same_values_are_the_same(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(3, 4), "nan": torch.tensor([float("nan"), -0.0, 1.0]).half()}
    found = compared(
        tmp_path, tensors, tensors | {"nan": torch.tensor([float("nan"), 0, 1]).half()}
    )
    assert found.is_same
    assert found.same == 2


def test_each_kind_of_difference_is_told_apart(tmp_path: Path) -> None:
    a = {
        "gone": torch.zeros(2),
        "turned": torch.zeros(2, 3),
        "cast": torch.tensor([1.0, 2.0]),
        "cast_and_moved": torch.tensor([1.0, 2.0]),
        "moved": torch.tensor([3.0, 4.0]),
        "kept": torch.arange(3),
    }
    b = {
        "new": torch.zeros(2),
        "turned": torch.zeros(3, 2),
        "cast": torch.tensor([1.0, 2.0]).bfloat16(),
        "cast_and_moved": torch.tensor([1.0, 4.0]).half(),
        "moved": torch.tensor([3.0, 1.0]),
        "kept": torch.arange(3),
    }
    found = compared(tmp_path, a, b)
    assert [tensor.name for tensor in found.added] == ["new"]
    assert [tensor.name for tensor in found.removed] == ["gone"]
    assert [(pair.a.shape, pair.b.shape) for pair in found.reshaped] == [((2, 3), (3, 2))]
    assert {pair.a.name for pair in found.retyped} == {"cast", "cast_and_moved"}
    assert [change.name for change in found.changed] == ["cast_and_moved", "moved"]
    moved = found.changed[1]
    assert (moved.max_abs, moved.relative_l2, moved.changed) == (3.0, 3 / 5, 1)
    assert moved.cosine == pytest.approx(13 / (5 * math.sqrt(10)))
    assert (found.same, found.is_same) == (1, False)


FINITE = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=6))
def test_figures_are_those_of_numpy_whatever_the_size_of_the_pieces(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, shape: tuple[int, ...]
) -> None:
    a, b = (data.draw(hnp.arrays(np.float32, shape, elements=FINITE)) for _ in "ab")
    folder = tmp_path_factory.mktemp("diff")
    save_numpy({"w": a}, folder / "a")
    save_numpy({"w": b}, folder / "b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dltui.inspect.row_order.PIECE_BYTES", 28)
        found = diff(open_checkpoint(folder / "a"), open_checkpoint(folder / "b"))
    if np.array_equal(a, b):
        assert found.is_same
        return
    (change,) = found.changed
    wide_a, wide_b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    norm_a, norm_b = np.linalg.norm(wide_a), np.linalg.norm(wide_b)
    assert change.max_abs == np.abs(wide_b - wide_a).max()
    assert change.changed == np.count_nonzero(a != b)
    if norm_a:
        assert change.relative_l2 == pytest.approx(np.linalg.norm(wide_b - wide_a) / norm_a)
    else:
        assert change.relative_l2 == math.inf
    if norm_a and norm_b:
        assert change.cosine == pytest.approx(wide_a @ wide_b / norm_a / norm_b, abs=1e-9)
    else:
        assert math.isnan(change.cosine)


def test_a_value_that_became_nan_comes_first_and_hides_no_figure(tmp_path: Path) -> None:
    a = {"far": torch.ones(4), "broken": torch.ones(4)}
    b = {"far": torch.full((4,), 100.0), "broken": torch.tensor([1.0, 2.0, math.nan, math.inf])}
    first, second = compared(tmp_path, a, b).changed
    assert (first.name, first.non_finite, first.max_abs) == ("broken", 2, math.inf)
    assert first.relative_l2 == pytest.approx(1 / math.sqrt(2))
    assert (second.name, second.non_finite, second.max_abs) == ("far", 0, 99.0)


@pytest.mark.parametrize(
    ("a", "b", "changed", "max_abs"),
    [
        (torch.tensor([2**60, 1]), torch.tensor([2**60 + 1, 1]), 1, 0.0),
        (torch.tensor([True, False]), torch.tensor([True, True]), 1, 1.0),
        (torch.tensor([3 + 4j, 1]), torch.tensor([0j, 1]), 1, 4.0),
        (torch.tensor([1.0, 2]), torch.tensor([1 + 2j, 2]), 1, 2.0),
        (torch.tensor([1, 200], dtype=torch.uint8), torch.tensor([1, -56]).char(), 1, 256.0),
    ],
    ids=["large integers", "truth", "complex", "complex and real", "another sign"],
)
def test_every_type_can_be_compared(
    tmp_path: Path, a: torch.Tensor, b: torch.Tensor, changed: int, max_abs: float
) -> None:
    (change,) = compared(tmp_path, {"w": a}, {"w": b}).changed
    assert (change.changed, change.max_abs) == (changed, max_abs)


def test_wrappers_around_a_model_are_looked_through_and_told(tmp_path: Path) -> None:
    plain = {"0.weight": torch.ones(2), "head.bias": torch.ones(1), "step": torch.ones(1)}
    wrapped = {
        "module._orig_mod.0.weight": torch.ones(2),
        "module._orig_mod.head.bias": torch.ones(1),
        "step": torch.ones(1),
    }
    found = compared(tmp_path, plain, wrapped)
    assert found.is_same
    assert found.matching.renamed == 2
    assert found.matching.ignored_a == ()
    assert found.matching.ignored_b == ("module.", "_orig_mod.")


def test_a_name_that_could_stand_for_two_is_not_guessed(tmp_path: Path) -> None:
    a = {"w": torch.ones(1)}
    b = {"module.w": torch.ones(1), "model.w": torch.zeros(1)}
    found = compared(tmp_path, a, b)
    assert ([t.name for t in found.removed], len(found.added)) == (["w"], 2)


def test_names_without_their_wrappers() -> None:
    assert bare_name("model.layers.0._orig_mod.attn.weight") == "layers.0.attn.weight"
    assert bare_name("model.module.state_dict.w") == "w"
    assert bare_name("module") == "module"
    assert bare_name("my_module.w") == "my_module.w"


def test_a_cancelled_comparison_says_what_it_did_not_reach(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "f")
    opened = open_checkpoint(tmp_path / "f")
    seen: list[int] = []
    found = diff(opened, opened, lambda done, total: seen.append(done), lambda: len(seen) == 1)
    assert (found.same, [name for name, _ in found.unread]) == (1, ["b"])
    assert not found.is_same


def test_memory_stays_small_however_large_a_tensor_is(tmp_path: Path) -> None:
    size = 1 << 24
    a = np.zeros(size, np.float32)
    save_numpy({"w": a}, tmp_path / "a")
    a[-1] = 1
    save_numpy({"w": a}, tmp_path / "b")
    del a
    opened = open_checkpoint(tmp_path / "a"), open_checkpoint(tmp_path / "b")
    tracemalloc.start()
    try:
        (change,) = diff(*opened).changed
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert change.relative_l2 == math.inf
    assert peak < size * 4


def test_the_way_of_the_weights_over_a_training(tmp_path: Path) -> None:
    for step, value in ((200, 3.0), (1000, 4.0), (30, 2.0)):
        tensors = {"w": torch.full((4,), value), "still": torch.ones(2)}
        save_file(tensors, tmp_path / f"checkpoint-{step}.safetensors")
    (tmp_path / "notes.txt").write_text("no checkpoint")
    (tmp_path / "checkpoint-7.bin").write_text("no checkpoint either")
    stops = checkpoints_in(tmp_path)
    assert [stop.step for stop in stops] == [7, 30, 200, 1000]
    found = trajectory(stops)
    assert [stop.step for stop in found.stops] == [30, 200, 1000]
    assert found.notes == (
        "checkpoint-7.bin is left out: this is no checkpoint of a format known here",
    )
    moved, still = found.tensors
    assert (moved.name, moved.norm) == ("w", [4.0, 6.0, 8.0])
    assert moved.from_first == [0.0, 0.5, 1.0]
    assert moved.from_previous == pytest.approx([0.0, 0.5, 1 / 3])
    assert (still.name, still.from_first, still.from_previous) == ("still", [0.0] * 3, [0.0] * 3)


def test_the_way_of_the_model_comes_before_that_of_its_optimizer(tmp_path: Path) -> None:
    for step in (1, 2):
        state = {0: {"exp_avg": torch.full((2, 2), 10.0**step)}}
        optimizer = {"state": state, "param_groups": [{"params": [0]}]}
        model = {"w.weight": torch.full((2, 2), 1.0 + step / 100)}
        torch.save({"model": model, "optimizer": optimizer}, tmp_path / f"step_{step}.pt")
    names = [way.name for way in trajectory(checkpoints_in(tmp_path)).tensors]
    assert names == ["model.w.weight", "optimizer.state.0.exp_avg"]


def test_a_tensor_that_changes_shape_has_gaps_in_its_way(tmp_path: Path) -> None:
    for step, size in ((1, 2), (2, 3), (3, 2)):
        save_file({"w": torch.ones(size)}, tmp_path / f"{step}.safetensors")
    (way,) = trajectory(checkpoints_in(tmp_path)).tensors
    assert [math.isnan(norm) for norm in way.norm] == [False, True, False]
    assert way.from_first[2] == 0
    assert math.isnan(way.from_previous[2])


def test_one_checkpoint_is_no_trajectory(tmp_path: Path) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "step_1")
    with pytest.raises(CheckpointError, match="not two checkpoints"):
        trajectory(checkpoints_in(tmp_path))
