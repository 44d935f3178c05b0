"""Statistics of stored tensors, against plain numpy in double precision."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import save_file

from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Tensor
from dltui.inspect.histogram import PERCENTILES
from dltui.inspect.statistics import Statistics, described, refining, statistics
from dltui.inspect.totals import SMALL, Total
from dltui.inspect.values import Values

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


def stored(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> Values:
    save_file(tensors, tmp_path / "m.safetensors")
    return Values(open_checkpoint(tmp_path / "m.safetensors"))


def statistics_of(tmp_path: Path, values: torch.Tensor) -> Statistics:
    with stored(tmp_path, {"w": values}) as opened:
        return statistics(opened, opened.checkpoint.tensors[0])


def in_blocks(values: np.ndarray, dtype: str, size: int) -> Statistics:
    """As if read in blocks of `size`, of a tensor that is too large to be sorted."""
    tensor = Tensor("w", (max(len(values), SMALL + 1),), dtype, 0, None)
    totals = [Total(tensor), Total(tensor)]
    for number, begin in enumerate(range(0, len(values), size)):
        totals[number % 2].add(values[begin : begin + size])
    totals[0].merge(totals[1])
    return described(totals[0])


def agrees(found: Statistics, real: np.ndarray, *, exact: bool) -> None:
    """`real` in double precision."""
    finite = real[np.isfinite(real)]
    assert found.seen == len(real)
    assert found.zeros == (real == 0).sum()
    assert found.negative == (real < 0).sum()
    assert found.nan == np.isnan(real).sum()
    assert found.infinite == np.isinf(real).sum()
    assert sum(found.histogram.counts) == len(finite) == found.finite
    if not len(finite):
        assert math.isnan(found.min)
        assert math.isnan(found.mean)
        assert found.histogram.counts == ()
        return
    assert (found.min, found.max) == (finite.min(), finite.max())
    assert found.abs_max == np.abs(finite).max()
    scale = np.abs(finite).max()
    assert found.mean == pytest.approx(finite.mean(), rel=1e-5, abs=1e-6 * scale)
    assert found.std == pytest.approx(finite.std(), rel=1e-4, abs=1e-7 * scale)
    assert found.l2_norm == pytest.approx(np.linalg.norm(finite), rel=1e-5)
    for percent in PERCENTILES:
        value = found.percentiles[percent]
        below, above = (
            np.percentile(finite, percent, method=method) for method in ("lower", "higher")
        )
        slack, least = (0.0, 0.0) if exact else (1 / 127, 1e-40)
        assert below - slack * abs(below) - least <= value <= above + slack * abs(above) + least


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("elements", [300, 700_000])
def test_normal_weights(tmp_path: Path, dtype: str, elements: int) -> None:
    torch.manual_seed(0)
    values = (torch.randn(elements) * 0.05 + 0.01).to(getattr(torch, dtype))
    found = statistics_of(tmp_path, values)
    exact = elements <= SMALL or dtype not in ("float32", "float64")
    agrees(found, values.double().numpy(), exact=exact)
    assert not found.partial


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("elements", [300, 300_000])
def test_whole_numbers(tmp_path: Path, dtype: str, elements: int) -> None:
    torch.manual_seed(0)
    values = torch.randint(0, 120, (elements,)).to(getattr(torch, dtype))
    found = statistics_of(tmp_path, values)
    agrees(found, values.double().numpy(), exact=elements <= SMALL or dtype[-1] in "86")
    assert found.at_limit == found.subnormal == 0
    assert len(found.histogram.counts) == 60
    assert found.histogram.low == -0.5


@pytest.mark.parametrize("elements", [9, 20_000])
def test_truth_values(tmp_path: Path, elements: int) -> None:
    found = statistics_of(tmp_path, torch.arange(elements) % 3 == 0)
    true = -(-elements // 3)
    assert (found.min, found.max, found.zeros) == (0, 1, elements - true)
    assert found.histogram.counts == (elements - true, true)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("elements", [1000, 100_000])
def test_what_is_wrong_is_counted(tmp_path: Path, dtype: str, elements: int) -> None:
    kind = getattr(torch, dtype)
    torch.manual_seed(0)
    values = torch.randn(elements).to(kind)
    values[:7] = 0.0
    values[7:9] = -0.0
    values[9:14] = float("nan")
    values[14:17] = float("inf")
    values[17:18] = -float("inf")
    values[18:22] = torch.finfo(kind).max
    values[22:24] = torch.finfo(kind).tiny / 4
    values[24:25] = -torch.finfo(kind).tiny / 2
    found = statistics_of(tmp_path, values)
    real = values.double().numpy()
    assert (found.zeros, found.nan, found.infinite) == (9, 5, 4)
    small = (np.abs(real) < torch.finfo(kind).tiny) & (real != 0)
    assert (found.at_limit, found.subnormal) == (4, small.sum())
    assert found.negative == (real < 0).sum()
    assert (found.min, found.max) == (real[np.isfinite(real)].min(), torch.finfo(kind).max)


@pytest.mark.parametrize("elements", [4, 50_000])
def test_of_complex_numbers_both_parts_count(tmp_path: Path, elements: int) -> None:
    torch.manual_seed(0)
    values = torch.randn(elements, dtype=torch.complex64)
    found = statistics_of(tmp_path, values)
    assert found.count == 2 * elements
    agrees(found, torch.view_as_real(values).double().numpy().ravel(), exact=elements == 4)


def test_a_spread_far_smaller_than_the_mean_is_right(tmp_path: Path) -> None:
    torch.manual_seed(0)
    values = (1000 + torch.randn(400_000) * 0.01).float()
    real = values.double().numpy()
    found = statistics_of(tmp_path, values)
    assert found.std == pytest.approx(real.std(), rel=1e-5)
    assert found.mean == pytest.approx(real.mean(), rel=1e-9)


def test_an_empty_tensor_and_a_scalar(tmp_path: Path) -> None:
    empty = statistics_of(tmp_path, torch.zeros(0, 4))
    assert (empty.count, empty.partial, empty.histogram.counts) == (0, False, ())
    assert math.isnan(empty.max)
    assert empty.as_json()["max"] is None
    one = statistics_of(tmp_path, torch.tensor(2.5))
    assert (one.mean, one.std, one.percentiles[50.0]) == (2.5, 0.0, 2.5)
    assert one.histogram.counts == (1,)


def test_they_get_better_while_being_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with stored(tmp_path, {"w": torch.randn(2_000_000)}) as opened:
        tensor = opened.checkpoint.tensors[0]
        found = list(refining(opened, tensor))
        whole = statistics(opened, tensor)
    assert [each.partial for each in found] == [True] * (len(found) - 1) + [False]
    assert len(found) >= 3
    assert all(a.seen < b.seen for a, b in pairwise(found))
    assert found[-1] == whole


def test_a_cancelled_reading_says_what_it_has_seen(tmp_path: Path) -> None:
    seen: list[int] = []
    with stored(tmp_path, {"w": torch.ones(2_000_000)}) as opened:
        tensor = opened.checkpoint.tensors[0]
        found = statistics(opened, tensor, seen.append, lambda: len(seen) == 2)
    assert found.partial
    assert found.seen == seen[-1] < found.count
    assert (found.min, found.max, found.mean) == (1, 1, 1)


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32)),
    st.integers(1, 60),
)
def test_any_single_precision_numbers_in_any_blocks(values: np.ndarray, size: int) -> None:
    agrees(in_blocks(values, "float32", size), values.astype(np.float64), exact=False)


@settings(max_examples=150, deadline=None)
@given(arrays(np.float16, st.integers(0, 60), elements=st.floats(width=16)), st.integers(1, 60))
def test_any_half_precision_numbers_in_any_blocks(values: np.ndarray, size: int) -> None:
    agrees(in_blocks(values, "float16", size), values.astype(np.float64), exact=True)


@settings(max_examples=100, deadline=None)
@given(arrays(np.int8, st.integers(0, 60)), st.integers(1, 60))
def test_any_bytes_in_any_blocks(values: np.ndarray, size: int) -> None:
    agrees(in_blocks(values, "int8", size), values.astype(np.float64), exact=True)
