"""The tasks other than classification, each trained for real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.runs import ArrayReader, checkpoint_at, read_samples, read_status
from dltui.runs.samples import sample_folders
from dltui.worker.checkpoints import read_checkpoint
from tests.worker.conftest import MakeRun, train

REGRESS = """
dltui: 1
name: diabetes
data: {type: builtin, name: diabetes, batch_size: 32}
model: {layers: [{linear: 16}, relu, {linear: $(data.targets)}]}
task: {type: regress}
optimizer: {type: adam, lr: 0.01}
trainer: {epochs: 10, device: cpu}
"""
TEXT = """
dltui: 1
name: text
data: {type: text, path: PATH, context: 16, batch_size: 16, split: {train: 0.8, val: 0.2}}
model: {layers: [{embedding: 16}, {linear: $(data.vocab)}]}
task: {type: next_token, sample: {prompt: "ab", length: 40, temperature: 0, count: 1}}
optimizer: {type: adam, lr: 0.05}
trainer: {epochs: 8, device: cpu}
metrics: [perplexity, token_accuracy]
"""


def test_regression_reports_in_the_targets_own_units(make_run: MakeRun) -> None:
    folder = make_run(REGRESS)
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert metrics["val/r2"] > 0.25
    assert 25 < metrics["val/mae"] < 60
    reader = ArrayReader(folder.array_log("predictions"))
    reader.poll()
    arrays = reader.last().arrays
    assert arrays["truth"].shape == arrays["prediction"].shape
    mae = float(np.abs(arrays["truth"] - arrays["prediction"]).mean())
    assert mae == pytest.approx(metrics["val/mae"], rel=1e-4)


def test_a_language_model_learns_a_text_and_writes_it(make_run: MakeRun, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abcd" * 500)
    folder = make_run(TEXT.replace("PATH", str(path)))
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert metrics["val/perplexity"] == pytest.approx(np.exp(metrics["val/loss"]), rel=1e-3)
    assert metrics["val/token_accuracy"] == 1
    samples = read_samples(sample_folders(folder.samples, "text")[-1], "text")
    assert samples is not None
    assert samples["samples"] == ["cdab" * 10]


def test_lbfgs_trains_through_its_closure(make_run: MakeRun) -> None:
    settings = ("optimizer.type=lbfgs", "optimizer.line_search_fn=strong_wolfe", "optimizer.lr=0.5")
    folder = make_run(REGRESS, *settings, "data.batch_size=400", "trainer.epochs=2")
    assert train(folder) == 0
    assert read_status(folder.path).metrics["val/r2"] > 0.2


def test_a_checkpoint_holds_plain_weights_under_readable_names(make_run: MakeRun) -> None:
    folder = make_run(REGRESS, "trainer.epochs=1")
    assert train(folder) == 0
    weights, state = read_checkpoint(checkpoint_at(folder.checkpoints, None))
    assert [tuple(tensor.shape) for tensor in weights.values()] == [(16, 10), (16,), (1, 16), (1,)]
    assert state["step"] == read_status(folder.path).step
