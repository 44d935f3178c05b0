"""Layers with a loss of their own are trained by it too."""

from __future__ import annotations

import torch

from dltui.runs import MetricReader, RunFolder
from tests.worker.conftest import MakeRun, last_weights, train

EXPERTS = """
dltui: 1
name: experts
data: {type: builtin, name: digits, batch_size: 32, limit: 200}
model:
  layers:
    - flatten
    - linear: 16
    - {name: mixture, mixture_of_experts: {experts: 4, top_k: 1, hidden: 8, balance: 0}}
    - linear: $(data.classes)
task: {type: classify}
optimizer: {type: sgd, lr: 0.5}
trainer: {steps: 3, device: cpu, accumulate: 2, evaluate_every_epochs: null}
"""


def losses(folder: RunFolder) -> list[float]:
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    return [float(loss) for loss in reader.values[:, reader.columns.index("loss")]]


def test_balancing_changes_the_router_but_not_what_is_told_as_loss(make_run: MakeRun) -> None:
    plain, balanced = make_run(EXPERTS), make_run(EXPERTS.replace("balance: 0", "balance: 5"))
    assert train(plain) == 0
    assert train(balanced) == 0
    assert losses(plain)[0] == losses(balanced)[0]
    assert losses(plain)[2] != losses(balanced)[2]
    before, after = last_weights(plain), last_weights(balanced)
    difference = before["mixture.router.weight"] - after["mixture.router.weight"]
    assert difference.abs().max() > 1e-3
    assert all(torch.isfinite(weight).all() for weight in after.values())
