"""Rules about what a short training cannot provoke, on records written by hand."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from dltui.doctor import diagnose, examine
from dltui.doctor.record import Confusion, Curve, Record, layer_history
from dltui.runs import (
    ArrayLog,
    EventLog,
    MetricLog,
    RunReader,
    Status,
    create_run,
)


def curve(values, first=1) -> Curve:
    values = np.asarray(values, float)
    return Curve(np.arange(first, first + len(values)), values)


def rules(record: Record) -> list[str]:
    return [finding.rule for finding in examine(record)]


def test_waiting_for_data_half_of_the_time_is_reported():
    slow = Record(curves={"system/loader_share": curve([0.7] * 20)})
    assert rules(slow) == ["loader_bound"]
    assert rules(Record(curves={"system/loader_share": curve([0.2] * 20)})) == []


def test_diagnostics_far_over_their_budget_are_reported():
    shares = curve([0.06] * 100)
    assert rules(Record(curves={"system/diagnostics_share": shares})) == ["diagnostics_over_budget"]
    assert rules(Record(budget=0.05, curves={"system/diagnostics_share": shares})) == []


def test_a_rare_class_that_is_hardly_recognised_hints_at_class_weights():
    matrix = np.array([[200, 0, 0], [2, 98, 0], [9, 0, 1]])
    confusions = tuple(Confusion(step, ("a", "b", "c"), matrix) for step in (10, 20))
    [finding] = examine(Record(confusions=confusions))
    assert (finding.rule, finding.severity) == ("class_imbalance", "info")
    assert "Class c has 10" in finding.message
    assert "task.loss.class_weights=balanced" in finding.remedy
    good = np.array([[200, 0, 0], [2, 98, 0], [1, 0, 9]])
    recognised = tuple(dataclasses.replace(c, matrix=good) for c in confusions)
    assert examine(Record(confusions=recognised)) == []


def test_a_loss_that_stands_still_high_up_is_a_plateau_unless_the_rate_has_decayed():
    noise = np.random.default_rng(0).normal(0, 0.01, 1000)
    values = np.concatenate([np.linspace(2.3, 1.9, 200), np.full(800, 1.9)]) + noise
    flat = Record(curves={"train/loss": curve(values), "train/lr": curve(np.full(1000, 0.1))})
    assert rules(flat) == ["plateau"]
    decayed = {**flat.curves, "train/lr": curve(np.geomspace(0.1, 1e-4, 1000))}
    assert rules(dataclasses.replace(flat, curves=decayed)) == []
    falling = {**flat.curves, "train/loss": curve(np.linspace(2.3, 1.7, 1000) + noise)}
    assert rules(dataclasses.replace(flat, curves=falling)) == []


def history(norms, steps=None):
    norms = np.asarray(norms, float)
    names = [f"layer{i}" for i in range(norms.shape[1])]
    ones = np.ones(norms.shape[1])
    return layer_history(
        [
            (
                10 * row if steps is None else steps[row],
                {"layers": names},
                {
                    "grad_norm": norm,
                    "weight_norm": ones,
                    "update_ratio": ones * 1e-3,
                    "nonfinite": ones * 0,
                },
            )
            for row, norm in enumerate(norms)
        ]
    )


def test_gradients_that_grow_a_thousandfold_explode():
    growing = history(np.geomspace(1, 1e6, 20)[:, None] * np.ones((1, 4)))
    [finding] = examine(Record(layers=growing))
    assert (finding.rule, finding.severity) == ("exploding_gradients", "error")
    assert "trainer.clip.norm=1" in finding.remedy
    assert examine(Record(layers=history(np.ones((20, 4))))) == []


def test_a_gradient_that_overflowed_once_under_mixed_precision_is_no_finding():
    layers = history(np.ones((10, 4)))
    layers.nonfinite[4, 2] = 1
    losses = {"train/loss": curve(np.linspace(2, 1, 100))}
    assert examine(Record(layers=layers, curves=losses)) == []
    layers.nonfinite[-3:, 2] = 1
    [finding] = examine(Record(layers=layers, curves=losses))
    assert (finding.rule, finding.layer, finding.step) == ("nonfinite", "layer2", 40)


@pytest.fixture
def long_run(tmp_path):
    """100,000 steps of metrics, 4,000 frames of 50 layers."""
    status = Status("running", "long", task="classify", steps_per_epoch=1000)
    folder = create_run(tmp_path, "long", "dltui: 1\n", "diagnostics: {budget: 0.02}\n", status)
    rng = np.random.default_rng(0)
    log = MetricLog(folder.metric_log("train"), ["loss", "lr"])
    for step, loss in enumerate(2 * np.exp(-np.arange(100_000) / 20_000), 1):
        log.append(step, 1.0 * step, [float(loss), 0.1])
    log.close()
    frames = ArrayLog(folder.array_log("layers"))
    meta = {"layers": [f"layer{i}" for i in range(50)]}
    for step in range(25, 100_001, 25):
        arrays = {
            "grad_norm": rng.uniform(0.5, 1, 50).astype(np.float32),
            "weight_norm": np.ones(50, np.float32),
            "update_ratio": np.full(50, 1e-3, np.float32),
            "nonfinite": np.zeros(50, np.int64),
        }
        frames.append(step, time.time(), meta, arrays)
    frames.close()
    return folder


def test_looking_again_at_a_long_run_reads_only_the_new_frames(long_run, monkeypatch):
    reader = RunReader(long_run)
    reader.poll()
    assert diagnose(reader) == []
    log = reader.arrays("layers")
    assert log is not None
    read = []
    frame = log.frame
    monkeypatch.setattr(log, "frame", lambda number: read.append(number) or frame(number))
    assert diagnose(reader) == []
    assert read == []


def test_the_layer_that_the_worker_found_is_the_one_named(tmp_path):
    folder = create_run(tmp_path, "nan", "dltui: 1\n", "dltui: 1\n", Status("failed", "nan"))
    log = MetricLog(folder.metric_log("train"), ["loss", "lr"])
    for step, loss in enumerate([2.0, 1.9, float("inf"), float("nan")], 1):
        log.append(step, 0.0, [loss, 0.1])
    log.close()
    events = EventLog(folder.events)
    data = {"layer": "block1.conv", "what": "output"}
    events.append("alarm", "NaN in block1.conv", step=3, level="error", data=data)
    events.close()
    reader = RunReader(folder)
    reader.poll()
    finding = diagnose(reader)[0]
    assert (finding.rule, finding.layer, finding.step) == ("nonfinite", "block1.conv", 3)
    assert "train/loss is inf at step 3" in finding.message
    assert "optimizer.lr=0.01" in finding.remedy
    assert finding.as_json().keys() >= {"rule", "severity", "layer", "step", "message", "remedy"}
