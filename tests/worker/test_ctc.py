"""The task ctc: its loss against all alignments, its reading, dial tones, what a run leaves."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch

from dltui.errors import DataError, RecipeError
from dltui.graph import shape_table
from dltui.recipe import load_recipe
from dltui.runs import MetricReader
from dltui.worker.data import describe
from dltui.worker.data.sources.dial_tones import KEYS
from dltui.worker.tasks import build_task
from tests.worker.conftest import MakeRun, resumed_bitwise, train

TONES = """
dltui: 1
name: tones
data: {type: dial_tones, count: 40, batch_size: 8, keys: [1, 3], noise: 0.02}
model:
  layers:
    - spectrogram: {fft: 128, hop: 64}
    - {squeeze: 1}
    - conv: {out: 8, kernel: 3, bias: false}
    - bn
    - relu
    - {transpose: [1, 2]}
    - linear: $(data.vocab + 1)
task: {type: ctc}
optimizer: {type: adamw, lr: 0.01}
trainer: {epochs: 2, device: cpu}
"""


@pytest.fixture
def task(make_run: MakeRun):
    recipe = load_recipe(make_run(TONES).resolved)
    return build_task(recipe, describe(recipe))


def read_as(frames, blank):
    single = [symbol for symbol, _ in itertools.groupby(frames)]
    return [symbol for symbol in single if symbol != blank]


def test_the_loss_adds_up_every_alignment(task):
    logits = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[0, 1, 0], [1, -100, -100]])
    chances = logits.softmax(2).tolist()
    terms = []
    for rows, truth in zip(chances, ([0, 1, 0], [1]), strict=True):
        total = sum(
            math.prod(row[symbol] for row, symbol in zip(rows, frames, strict=True))
            for frames in itertools.product(range(3), repeat=5)
            if read_as(frames, 2) == truth
        )
        terms.append(-math.log(total) / len(truth))
    assert float(task.loss(logits, targets)) == pytest.approx(np.mean(terms), rel=1e-5)


def test_repeats_are_one_key_unless_a_blank_stands_between(task):
    blank = len(KEYS)
    frames = torch.tensor([[blank, 0, 0, blank, 0, 15, 15, blank]])
    outputs = torch.nn.functional.one_hot(frames, blank + 1).float()
    assert task.heard(outputs) == ["11D"]
    assert task.written(torch.tensor([[0, 0, 15], [4, -100, -100]])) == ["11D", "4"]
    assert task.heard(outputs[:, :1]) == [""]


def test_error_rates_are_edit_distances(task):
    blank = len(KEYS)
    frames = torch.tensor([[0, blank, 1, blank, 2], [4, blank, 4, blank, blank]])
    outputs = torch.nn.functional.one_hot(frames, blank + 1).float()
    targets = torch.tensor([[0, 1, 3], [4, -100, -100]])
    batch = type("Batch", (), {"targets": targets})()
    found = {}
    for name in ("cer", "wer"):
        metric = task.metric(name, {})
        task.update_metric(name, metric, outputs, batch)
        found[name] = float(metric.compute())
    assert found == {"cer": pytest.approx(2 / 4), "wer": pytest.approx(2 / 2)}


def test_a_truth_longer_than_the_frames_is_refused(task):
    with pytest.raises(DataError, match="2 frames cannot hold 3 symbols"):
        task.loss(torch.randn(1, 2, 17), torch.tensor([[1, 2, 3]]))


def test_a_run_leaves_pairs_and_goes_on_bitwise(make_run: MakeRun):
    whole = resumed_bitwise(lambda: make_run(TONES), 4)
    reader = MetricReader(whole.metric_log("val"))
    reader.poll()
    for name in ("loss", "cer", "wer"):
        assert np.isfinite(reader.values[:, reader.columns.index(name)]).all()
    content = json.loads((sorted(whole.samples.iterdir())[-1] / "pairs.json").read_text())
    assert content["columns"] == ["truth", "output"]
    assert len(content["rows"]) == len(content["good"]) == 8
    assert all(1 <= len(truth) <= 3 for truth, _ in content["rows"])


def test_a_network_without_a_score_for_the_blank_is_refused(make_run: MakeRun):
    recipe = load_recipe(make_run(TONES.replace("$(data.vocab + 1)", "$(data.vocab)")).resolved)
    with pytest.raises(RecipeError, match="17"):
        shape_table(recipe, describe(recipe))


def test_the_shipped_recipe_trains_twenty_steps(make_run: MakeRun):
    shipped = load_recipe("audio/ctc-dial-tones")
    steps = ("trainer.epochs=null", "trainer.steps=20", "trainer.device=cpu", "data.count=40")
    folder = make_run(shipped.resolved_yaml(), *steps)
    assert train(folder) == 0
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    assert len(reader.values) == 20
