"""Event files that TensorBoard's own reader reads back."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dltui.cli.export import export
from dltui.errors import UsageError
from dltui.exporters.tensorboard import EventFile
from dltui.runs import ArrayLog, RunFolder, RunReader, picture_files, publish_files
from dltui.runs.buckets import bucket_counts
from dltui.runs.layout import create_run
from dltui.runs.metrics import MetricLog
from dltui.runs.status import Status, read_status, write_status

COLUMNS = ("loss", "lr")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return create_run(tmp_path / "runs", "digits", "dltui: 1\nname: digits\n", "", Status(task="x"))


def record(run: RunFolder, rows: dict[int, tuple[float, float | None]]) -> None:
    log = MetricLog(run.metric_log("train"), COLUMNS)
    for step, row in rows.items():
        log.append(step, 1e9 + step, row)
    log.close()


def read_back(folder: Path) -> EventAccumulator:
    everything = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(folder), size_guidance=everything).Reload()


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_scalars_histograms_pictures_and_the_recipe_arrive(run: RunFolder, tmp_path: Path) -> None:
    record(run, {1: (0.5, 0.25), 2: (math.inf, None), 3: (0.125, 0.75)})
    weights = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    log = ArrayLog(run.array_log("histograms"))
    none = np.zeros((0, 2048), np.uint32)
    counts = {"weights": bucket_counts(weights)[None], "gradients": none, "activations": none}
    log.append(2, 1e9, {"weights": ["fc"], "gradients": [], "activations": []}, counts)
    log.close()
    png = io.BytesIO()
    Image.new("L", (5, 3)).save(png, "png")
    publish_files(run.samples, 3, picture_files(3, "digits", [(png.getvalue(), "7")], columns=1))

    assert export(run.path.parent, "last", "tensorboard", tmp_path / "tb") == 0

    found = read_back(tmp_path / "tb" / run.id)
    assert scalars(found, "train/loss") == [(1, 0.5), (2, math.inf), (3, 0.125)]
    assert scalars(found, "train/lr") == [(1, 0.25), (3, 0.75)]
    assert found.Scalars("train/loss")[0].wall_time == 1e9 + 1
    histogram = found.Histograms("weights/fc")[0]
    assert histogram.step == 2
    value = histogram.histogram_value
    assert (value.num, sum(value.bucket)) == (4096, 4096)
    assert abs(value.sum / 4096 - weights.mean()) < 0.01
    assert value.min <= weights.min() <= weights.max() <= value.max
    assert value.bucket_limit == sorted(set(value.bucket_limit))
    image = found.Images("digits/000 7")[0]
    assert (image.step, image.width, image.height) == (3, 5, 3)
    assert image.encoded_image_string == png.getvalue()
    assert b"name: digits" in found.Tensors("recipe")[0].tensor_proto.string_val[0]


def test_a_run_is_followed_while_it_goes_on_and_over_a_resume(
    run: RunFolder, tmp_path: Path
) -> None:
    record(run, {1: (1.0, 0.5), 2: (2.0, 0.5)})
    reader = RunReader(run)
    reader.poll()
    with EventFile(reader, tmp_path) as events:
        assert events.update() == 2
        assert events.update() == 0
        log = MetricLog(run.metric_log("train"), COLUMNS)
        log.append(3, 1e9, (3.0, 0.5))
        reader.poll()
        assert events.update() == 1
        found = read_back(tmp_path / run.id)
        assert scalars(found, "train/loss") == [(1, 1.0), (2, 2.0), (3, 3.0)]

        log.append(2, 1e9, (20.0, 0.5))
        log.close()
        reader.poll()
        events.update()
    found = read_back(tmp_path / run.id)
    assert scalars(found, "train/loss") == [(1, 1.0), (2, 20.0)]


def test_following_ends_with_the_run(run: RunFolder, tmp_path: Path) -> None:
    record(run, {1: (1.0, 0.5)})
    write_status(run.path, replace(read_status(run.path), state="finished"))
    assert export(run.path.parent, "last", "tensorboard", tmp_path / "tb", follow=True) == 0
    assert scalars(read_back(tmp_path / "tb" / run.id), "train/loss") == [(1, 1.0)]


def test_what_cannot_be_followed_says_so(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="--follow does not go with --to csv"):
        export(run.path.parent, "last", "csv", follow=True)
