"""A training that was broken off and resumed ends bitwise where an unbroken one ends (CPU)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from dltui.recipe import load_recipe
from dltui.runs import Inbox, MetricReader, RunFolder, pointed, read_status
from dltui.worker.checkpoints import read_checkpoint
from dltui.worker.control import Control, StopTraining
from dltui.worker.record import RunRecord
from dltui.worker.session import Session
from tests.worker.conftest import MakeRun

CLASSIFY = """
dltui: 1
name: classify
data:
  type: builtin
  name: digits
  batch_size: 8
  limit: 200
  on_device: false
  augment: [hflip, {crop: {padding: 1}}, {affine: {degrees: 10}}, mixup]
model:
  layers: [{conv: {out: 6, bias: false}}, bn, relu, {dropout: 0.3}, flatten, {linear: 10}]
task: {type: classify}
optimizer: {type: adamw, lr: 0.003}
scheduler: {type: one_cycle}
trainer: {epochs: 4, device: cpu, threads: 1, accumulate: 2, ema: {decay: 0.9}, clip: {norm: 1}}
"""
NEXT_TOKEN = """
dltui: 1
name: tokens
data: {type: builtin, name: pydoc, tokenizer: char, context: 16, batch_size: 8, limit: 6000}
model:
  layers:
    - {embedding: 16, name: tokens}
    - positions: learned
    - residual: [layer_norm, {attention: {heads: 2, causal: true, dropout: 0.2}}]
    - dropout: 0.2
    - layer_norm
    - tied_linear: tokens
task: {type: next_token, sample: {prompt: "The ", length: 8}}
optimizer: {type: adamw, lr: 0.002, weight_decay: 0.1}
scheduler: {type: cosine, warmup: {steps: 5}}
trainer:
  steps: 30
  device: cpu
  threads: 1
  accumulate: 2
  ema: {decay: 0.9}
  evaluate_every_epochs: null
  evaluate_every_steps: 10
"""
VAE = """
dltui: 1
name: vae
data: {type: builtin, name: digits, batch_size: 16, limit: 160, augment: [{crop: {padding: 1}}]}
models:
  encoder: {layers: [flatten, {linear: 32}, relu, {dropout: 0.1}, {linear: 8}]}
  decoder: {layers: [{linear: 32}, relu, {linear: 64}, {reshape: [1, 8, 8]}]}
task: {type: vae, latent: 4, loss: {type: bce}}
optimizer: {type: adam, lr: 0.003}
scheduler: {type: plateau, patience: 0, factor: 0.5}
trainer: {epochs: 4, device: cpu, threads: 1, ema: {decay: 0.9}}
"""
GAN = """
dltui: 1
name: gan
data: {type: builtin, name: digits, batch_size: 16, limit: 160}
models:
  generator: {layers: [{linear: 32}, bn, relu, {linear: 64}, tanh, {reshape: [1, 8, 8]}]}
  discriminator: {layers: [flatten, {linear: 32}, {leaky_relu: 0.2}, {dropout: 0.2}, {linear: 1}]}
task: {type: gan, latent: 8, samples: 4}
optimizers:
  generator: {type: adam, lr: 0.001}
  discriminator: {type: rmsprop, lr: 0.0004}
scheduler: {type: exponential, gamma: 0.9}
trainer: {epochs: 4, device: cpu, threads: 1, ema: {decay: 0.9}}
"""


@dataclass(frozen=True)
class Break:
    """Where a training is broken off, and what is asked of both before, by step."""

    stops: Sequence[int]
    asked: Mapping[int, Sequence[tuple[Any, dict[str, Any]]]] = field(default_factory=dict)
    workers: Sequence[int] = ()
    """Loader workers of each part of the broken training."""
    overrides: Sequence[str] = ()


PAUSE = {7: [("pause", {}), ("resume", {})]}
SLOWER = {6: [("set", {"lr": 5e-4})], 12: [("evaluate", {})]}
CASES = {
    "within an epoch": (CLASSIFY, Break([7])),
    "at an epoch's end": (CLASSIFY, Break([10])),
    "three times": (CLASSIFY, Break([3, 11, 12])),
    "after a pause": (CLASSIFY, Break([9], PAUSE)),
    "after another learning rate": (CLASSIFY, Break([9, 14], SLOWER)),
    "with loader processes, then without": (CLASSIFY, Break([7], workers=(2, 0))),
    "without loader processes, then with": (CLASSIFY, Break([7], workers=(0, 2))),
    "with data on the device": (CLASSIFY, Break([7], overrides=["data.on_device=true"])),
    "close to early stopping": (
        CLASSIFY,
        Break(
            [13],
            overrides=["trainer.early_stopping={patience: 1, min_delta: 1.0}", "trainer.epochs=9"],
        ),
    ),
    "with momentum and steps": (
        CLASSIFY,
        Break(
            [13],
            overrides=[
                "optimizer={type: sgd, lr: 0.05, momentum: 0.9, nesterov: true}",
                "scheduler={type: step, every_epochs: 1, gamma: 0.5}",
                "trainer.checkpoint.every_steps=5",
            ],
        ),
    ),
    "a language model": (NEXT_TOKEN, Break([4, 17], {6: [("set", {"lr": 1e-3})]})),
    "a language model between evaluations": (NEXT_TOKEN, Break([20, 25], PAUSE)),
    "a variational autoencoder": (VAE, Break([5, 17], PAUSE)),
    "two networks against each other": (GAN, Break([5, 17], SLOWER)),
}


class Script(Control):
    """Asks at given steps what a person would ask, and stops the training after one of them."""

    def __init__(self, folder: RunFolder, record: RunRecord, plan: Break, stop: int | None):
        super().__init__(Inbox(folder.inbox, record.events), record)
        self._sender = Inbox(folder.inbox)
        self._plan = plan
        self._stop = stop

    def listen(self) -> None:
        """No signals in tests."""

    def obey(self, training: Any, now_s: float) -> None:
        if training.step == self._stop:
            raise StopTraining("by the test")
        for kind, arguments in self._plan.asked.get(training.step, ()):
            self._sender.send(kind, arguments)
            self._next_poll_s = 0.0
        super().obey(training, now_s)


def work(folder: RunFolder, plan: Break, stop: int | None, *, resume: bool) -> None:
    record = RunRecord(folder, read_status(folder.path))
    session = Session(folder, record, load_recipe(folder.resolved), resume=resume)
    session.control = Script(folder, record, plan, stop)
    try:
        session.run()
        assert stop is None
    except StopTraining:
        assert session.training is not None
        assert session.training.step == stop
        session.training.save_checkpoint()
    record.close()


def outcome(folder: RunFolder) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and everything else that a further resume would go on from."""
    latest = pointed(folder.checkpoints, "latest")
    assert latest is not None
    model, training = read_checkpoint(latest)
    # The recipe's hash knows of the loader workers, which change nothing.
    return model, {key: value for key, value in training.items() if key != "recipe_hash"}


def differences(first: Any, second: Any, place: str = "") -> list[str]:
    """Where two nested values are not bitwise the same."""
    if isinstance(first, torch.Tensor):
        return [] if torch.equal(first, second) else [place]
    if isinstance(first, dict):
        if first.keys() != second.keys():
            return [f"{place}: {set(first) ^ set(second)}"]
        return [d for key in first for d in differences(first[key], second[key], f"{place}.{key}")]
    if isinstance(first, list | tuple):
        if len(first) != len(second):
            return [f"{place}: {len(first)}, {len(second)}"]
        pairs = enumerate(zip(first, second, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{place}[{i}]")]
    return [] if first == second or (first != first and second != second) else [place]


def recorded(folder: RunFolder, group: str) -> dict[str, list[str]]:
    """Every column of a log as hexadecimal numbers, apart from what is sampled by the clock."""
    reader = MetricReader(folder.metric_log(group))
    reader.poll()
    columns = [name for name in reader.columns if name != "grad_norm"]
    found = {name: reader.values[:, reader.columns.index(name)] for name in columns}
    return {"step": reader.steps.tolist()} | {
        name: [np.float64(value).hex() for value in values] for name, values in found.items()
    }


@pytest.mark.parametrize("case", list(CASES))
def test_it_ends_bitwise_where_the_unbroken_one_ends(make_run: MakeRun, case: str) -> None:
    recipe, plan = CASES[case]
    whole = make_run(recipe, *plan.overrides)
    work(whole, plan, None, resume=False)

    parted = make_run(recipe, *plan.overrides)
    for number, stop in enumerate((*plan.stops, None)):
        if plan.workers:
            change = f"data.workers={plan.workers[number]}"
            text = load_recipe(whole.recipe, (*plan.overrides, change)).resolved_yaml()
            parted.resolved.write_text(text)
        work(parted, plan, stop, resume=number > 0)

    assert read_status(parted.path).step == read_status(whole.path).step > max(plan.stops)
    for one, other in zip(outcome(whole), outcome(parted), strict=True):
        assert differences(one, other) == []
    for group in ("train", "val"):
        assert recorded(parted, group) == recorded(whole, group)
    stops_early = any("early_stopping" in each for each in plan.overrides)
    assert (
        read_status(whole.path).step < (read_status(whole.path).steps_total or 0)
    ) == stops_early
    asked = [each for step in plan.asked for each in plan.asked[step]]
    assert len(list(parted.inbox.rglob("*.json"))) == 0
    assert parted.events.read_text().count('"kind": "command"') == len(asked)
