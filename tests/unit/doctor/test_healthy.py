"""Training that goes well gets no findings, at its end and at every moment before."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from dltui.doctor import examine
from dltui.doctor.evidence import Evidence
from dltui.doctor.record import Curve, Record


def mlp(*sizes: int, activation=nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes[:-1]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def cnn() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)),
        *(nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)),
        *(nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(512, 10)),
    )


def until(record: Record, step: int) -> Record:
    """The record as it was when `step` had been done."""

    def rows(history):
        if history is None or not (history.steps <= step).any():
            return None
        kept = history.steps <= step
        cut = {
            field.name: value[kept]
            for field in dataclasses.fields(history)
            if isinstance(value := getattr(history, field.name), np.ndarray)
        }
        return dataclasses.replace(history, **cut)

    return dataclasses.replace(
        record,
        curves={name: curve.between(0, step) for name, curve in record.curves.items()},
        layers=rows(record.layers),
        activations=rows(record.activations),
        confusions=tuple(c for c in record.confusions if c.step <= step),
    )


def assert_healthy_throughout(reader) -> None:
    record = Evidence().record(reader)
    assert record.layers is not None
    assert len(record.loss) > 50
    for step in np.linspace(1, record.step, 40).astype(int):
        assert examine(until(record, int(step))) == []


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.GELU])
def test_an_mlp_on_digits(train, digits, activation):
    model = mlp(64, 64, 32, 10, activation=activation)
    assert train(model, digits, AdamW(model.parameters(), 3e-3), epochs=12) == []
    assert_healthy_throughout(train.reader)


def test_a_cnn_with_a_cosine_schedule_to_zero(train, digits):
    model = cnn()

    def cosine(progress: float) -> float:
        return 0.5 * (1 + np.cos(np.pi * progress))

    optimizer = AdamW(model.parameters(), 3e-3)
    assert train(model, digits, optimizer, epochs=8, schedule=cosine) == []
    assert_healthy_throughout(train.reader)


def test_momentum_with_a_warm_up(train, digits):
    model = mlp(64, 64, 10)
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    assert train(model, digits, optimizer, epochs=8, schedule=lambda p: min(1, p * 10)) == []
    assert_healthy_throughout(train.reader)


def test_an_mlp_on_wine(train, wine):
    model = mlp(13, 32, 16, 3)
    optimizer = AdamW(model.parameters(), 1e-2)
    assert train(model, wine, optimizer, epochs=40, batch_size=16) == []
    assert_healthy_throughout(train.reader)


def test_a_regression_whose_noise_sets_a_high_floor(train, diabetes):
    model = mlp(10, 16, 1)
    optimizer = AdamW(model.parameters(), 2e-3)
    assert train(model, diabetes, optimizer, epochs=30, batch_size=32, task="regress") == []
    assert_healthy_throughout(train.reader)


def test_a_run_without_any_records():
    assert examine(Record()) == []
    one = Curve(np.array([1]), np.array([2.3]))
    assert examine(Record(curves={"train/loss": one, "train/lr": one, "val/loss": one})) == []
