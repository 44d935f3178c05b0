"""A long metric log is held as means, however long it is; who follows it sees every row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.runs.metric_reader import MetricReader
from dltui.runs.metrics import MISSING, MetricLog

MOST = 64


class Rows:
    """Keeps what it is given, as a follower may."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.loss: list[float] = []

    def take(
        self,
        columns: tuple[str, ...],
        steps: np.ndarray,
        times: np.ndarray,
        values: np.ndarray,
    ) -> None:
        assert len(steps) == len(times) == len(values)
        self.steps += steps.tolist()
        self.loss += values[:, columns.index("loss")].tolist()

    def cut(self, step: int) -> None:
        kept = [at for at in self.steps if at < step]
        self.steps, self.loss = kept, self.loss[: len(kept)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.rank0.log"


def write(path: Path, first: int, end: int, *, rare_every: int = 50) -> None:
    log = MetricLog(path, ["loss", "rare"])
    for step in range(first, end):
        log.append(step, step / 10, [float(step), 5.0 if step % rare_every == 0 else MISSING])
    log.close()


@pytest.mark.parametrize("pieces", [(1000,), (10, 63, 64, 65, 66, 300, 301, 1000)])
def test_a_long_log_is_held_as_means_of_equally_many_rows(
    path: Path, pieces: tuple[int, ...]
) -> None:
    rows = Rows()
    reader = MetricReader(path, most_rows=MOST, follower=rows)
    start = 0
    for end in pieces:
        write(path, start, end)
        reader.poll()
        start = end
    assert MOST // 2 <= len(reader.steps) <= MOST + 32
    loss = reader.points("loss")
    assert loss.steps[-1] == 999
    gaps = np.diff(loss.steps)
    assert set(gaps[:40].tolist()) == {16}
    np.testing.assert_allclose(loss.values[:40], loss.steps[:40] - 7.5)
    assert rows.steps == list(range(1000))
    assert rows.loss == [float(step) for step in range(1000)]


def test_a_column_that_is_seldom_measured_keeps_its_values(path: Path) -> None:
    write(path, 0, 1000)
    reader = MetricReader(path, most_rows=MOST)
    reader.poll()
    rare = reader.points("rare")
    assert len(rare) == 20
    assert (rare.values == 5.0).all()


def test_nan_stays_visible_in_its_mean(path: Path) -> None:
    log = MetricLog(path, ["loss"])
    for step in range(1000):
        log.append(step, step, [float("nan") if step == 500 else 1.0])
    log.close()
    reader = MetricReader(path, most_rows=MOST)
    reader.poll()
    loss = reader.points("loss")
    assert len(loss) == len(reader.steps)
    assert np.isnan(loss.values).sum() == 1
    assert 500 <= loss.steps[np.isnan(loss.values)][0] < 516


def test_a_run_that_goes_back_takes_its_follower_along(path: Path) -> None:
    rows = Rows()
    reader = MetricReader(path, most_rows=MOST, follower=rows)
    write(path, 0, 1000)
    reader.poll()
    log = MetricLog(path, ["loss", "rare"])
    log.append(600, 100.0, [-1.0, MISSING])
    log.close()
    reader.poll()
    assert rows.steps == list(range(601))
    assert rows.loss[-1] == -1.0
    assert reader.steps[-1] == 600
    assert (np.diff(reader.steps) > 0).all()


def test_a_short_log_is_held_as_it_is(path: Path) -> None:
    write(path, 0, MOST)
    whole, limited = MetricReader(path), MetricReader(path, most_rows=MOST)
    whole.poll()
    limited.poll()
    np.testing.assert_array_equal(limited.steps, whole.steps)
    np.testing.assert_array_equal(limited.points("loss").values, whole.points("loss").values)
