"""Array logs and the histograms in them."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader
from dltui.runs.arrays import ArrayLog
from dltui.runs.buckets import (
    BUCKETS,
    bucket_counts,
    bucket_edges,
    bucket_of,
    linear_axis,
    nonfinite,
    quantile,
    rebucket,
    symlog_axis,
)

TYPES = [np.float32, np.float64, np.int64, np.uint32, np.bool_]


def write(path: Path, steps: list[int]) -> None:
    log = ArrayLog(path)
    for step in steps:
        log.append(step, float(step), {"layers": ["a", "b"]}, {"norm": np.full(3, step)})
    log.close()


def read(path: Path) -> ArrayReader:
    reader = ArrayReader(path)
    reader.poll()
    return reader


@settings(max_examples=50, deadline=None)
@given(
    array=st.sampled_from(TYPES).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
    )
)
def test_arrays_come_back_bit_by_bit_with_type_and_shape(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "layers.log"
    log = ArrayLog(path)
    log.append(5, 1.5, {"x": [1]}, {"first": np.arange(2), "second": array})
    log.close()
    frame = read(path).last()
    assert frame is not None
    assert (frame.step, frame.time, frame.meta) == (5, 1.5, {"x": [1]})
    second = frame.arrays["second"]
    assert (second.dtype, second.shape) == (array.dtype, array.shape)
    assert second.tobytes() == array.tobytes()
    assert frame.arrays["first"].tolist() == [0, 1]


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    log = ArrayLog(tmp_path / "layers.log")
    with pytest.raises(ValueError, match="plain number"):
        log.append(1, 0.0, {}, {"bad": np.array([{}])})
    log.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_log_cut_at_any_byte_gives_its_whole_frames_and_can_be_continued(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "layers.log"
    ends = [0]
    for step in range(4):
        write(path, [step])
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    survivors = list(range(sum(end <= cut for end in ends) - 1))
    assert read(path).index == survivors
    write(path, [9])
    assert read(path).index == [*survivors, 9]


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_byte_costs_at_most_one_frame(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "layers.log"
    write(path, list(range(6)))
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= flip
    path.write_bytes(content)
    reader = read(path)
    sound = []
    for number, step in enumerate(reader.index):
        with suppress(StoreError):
            assert reader.frame(number).arrays["norm"].tolist() == [step] * 3
            sound.append(step)
    assert len(sound) == 5
    assert set(sound) < set(range(6))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
def test_garbage_gives_no_frames(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "layers.log"
    path.write_bytes(b"DLTF" + garbage)
    assert read(path).index == []


def test_steps_after_a_rewind_or_recorded_again_replace_the_former_ones(tmp_path: Path) -> None:
    path = tmp_path / "layers.log"
    write(path, [1, 2, 3])
    reader = read(path)
    write(path, [2])
    assert reader.poll()
    assert reader.index == [1, 2]
    log = ArrayLog(path)
    log.rewind(1)
    log.close()
    assert reader.poll()
    assert reader.index == read(path).index == [1]
    assert reader.at(0) is None
    found = reader.at(100)
    assert found is not None
    assert found.step == 1


def test_every_float_lies_between_the_edges_of_its_bucket() -> None:
    generator = np.random.default_rng(1)
    bits = generator.integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    low, high = bucket_edges()[bucket_of(values)].T
    inside = np.where(values >= 0, (low <= values) & (values <= high), (low <= values))
    assert inside.all()
    assert (values <= high).all()


def test_nan_and_infinity_are_counted_apart() -> None:
    counts = bucket_counts([math.nan, math.inf, -math.inf, 1.0, -math.nan, 0.0])
    assert counts.shape == (BUCKETS,)
    nan, infinite = nonfinite(counts)
    assert (int(nan), int(infinite)) == (2, 2)
    assert counts.sum() == 6


def test_rebucketed_counts_add_up_and_follow_the_true_histogram() -> None:
    values = np.random.default_rng(2).normal(size=50_000)
    axis = linear_axis(-6, 6, 24)
    drawn = rebucket(bucket_counts(values), axis)
    assert drawn.sum() == pytest.approx(50_000)
    true, _ = np.histogram(values, axis)
    assert np.abs(drawn - true).max() < 0.03 * 50_000
    stacked = rebucket(np.stack([bucket_counts(values)] * 3), symlog_axis(-6, 6, 10, 0.01))
    assert stacked.shape == (3, 10)
    assert stacked.sum(axis=1) == pytest.approx([50_000] * 3)


def test_quantiles_are_right_to_the_width_of_a_bucket() -> None:
    values = np.random.default_rng(3).normal(size=100_000)
    found = quantile(bucket_counts(values), [0.01, 0.25, 0.75, 0.99])
    assert found == pytest.approx(np.quantile(values, [0.01, 0.25, 0.75, 0.99]), rel=0.13)
    assert np.isnan(quantile(bucket_counts([math.nan]), [0.5])).all()
