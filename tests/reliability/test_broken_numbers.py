"""NaN at a known layer and step is found there; memory that is short changes nothing learnt."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.runs import Event, EventReader, MetricReader, RunFolder, read_status
from dltui.worker import session
from dltui.worker.probes.layers import named_modules
from dltui.worker.stepper import Stepper
from dltui.worker.training import Training
from tests.worker.conftest import MakeRun, last_weights, same_weights, train, train_until

PLAIN = """
dltui: 1
name: plain
data: {type: builtin, name: digits, batch_size: 32, limit: 320, flat: true}
model:
  layers:
    - {linear: 32, name: first}
    - tanh
    - {linear: 32, name: second}
    - tanh
    - {linear: $(data.classes), name: head}
task: {type: classify}
optimizer: {type: sgd, lr: 0.1, momentum: 0.9}
trainer: {epochs: 6, device: cpu, threads: 1, checkpoint: {every_steps: 10, keep: 3}}
"""
Injection = Callable[[nn.Module, Callable[[], bool]], None]


class _BrokenBackwards(torch.autograd.Function):
    """The identity, with a gradient of NaN."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * math.nan


def in_output(value: float) -> Injection:
    def inject(module: nn.Module, is_time: Callable[[], bool]) -> None:
        def hook(layer: nn.Module, given: Any, output: Tensor) -> Tensor:
            return output + value if is_time() and layer.training else output

        module.register_forward_hook(hook)

    return inject


def in_gradient(module: nn.Module, is_time: Callable[[], bool]) -> None:
    def hook(layer: nn.Module, given: Any, output: Tensor) -> Tensor:
        broken: Tensor = _BrokenBackwards.apply(output)
        return broken if is_time() and layer.training else output

    module.register_forward_hook(hook)


@pytest.fixture
def broken_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, Injection, int], None]:
    """`broken_at(layer, step, injection, times)` breaks the next training there, so often."""

    def prepare(layer: str, step: int, inject: Injection, times: int = 1) -> None:
        done: list[Training] = []
        usual = session.Training.train_step

        def train_step(training: Training, group: Any) -> None:
            if training.step == step - 1:
                done.append(training)
            usual(training, group)

        build = session.build_parts

        def built(*arguments: Any) -> Any:
            parts = build(*arguments)
            module = dict(named_modules(parts.model))[layer]
            inject(module, lambda: bool(done) and done[-1].step == step - 1 and len(done) <= times)
            return parts

        monkeypatch.setattr(session.Training, "train_step", train_step)
        monkeypatch.setattr(session, "build_parts", built)

    return prepare


def events(folder: RunFolder, kind: str) -> list[Event]:
    reader = EventReader(folder.events)
    reader.poll()
    return [event for event in reader.events if event.kind == kind]


def train_log(folder: RunFolder) -> MetricReader:
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    return reader


@pytest.mark.parametrize(
    ("injection", "layer", "overrides", "part", "step"),
    [
        (in_output(math.nan), "first", (), "output", 23),
        (in_output(math.nan), "second", (), "output", 23),
        (in_output(math.inf), "head", (), "output", 23),
        # Before the update where clipping has looked at the gradients, else by the next loss.
        (in_gradient, "second", ("trainer.clip.norm=1",), "gradient", 23),
        (in_gradient, "second", (), "weight", 24),
    ],
)
def test_it_is_found_at_its_layer_and_step_and_the_training_stops(
    make_run: MakeRun,
    broken_at: Callable[..., None],
    injection: Injection,
    layer: str,
    overrides: tuple[str, ...],
    part: str,
    step: int,
) -> None:
    folder = make_run(PLAIN, *overrides)
    broken_at(layer, 23, injection)
    assert train(folder) == 1
    (alarm,) = events(folder, "alarm")
    assert alarm.step == step
    assert alarm.data == {"layer": layer, "what": part}
    status = read_status(folder.path)
    assert status.state == "failed"
    assert alarm.message in status.message
    assert ("update of step 23" in status.message) == (part == "weight")


def test_a_rollback_goes_on_from_the_last_checkpoint_with_a_lower_rate(
    make_run: MakeRun, broken_at: Callable[..., None]
) -> None:
    folder = make_run(PLAIN, "diagnostics.on_nan=rollback", "diagnostics.rollback.lr_factor=0.25")
    broken_at("second", 23, in_output(math.nan), 2)
    assert train(folder) == 0
    told = [event for event in events(folder, "state") if event.data.get("rolled_back")]
    assert [event.data["step"] for event in told] == [20, 20]
    log = train_log(folder)
    last = read_status(folder.path).step
    assert log.steps.tolist() == list(range(1, last + 1))
    rates = dict(zip(log.steps.tolist(), log.values[:, 1].tolist(), strict=True))
    assert rates[20] == pytest.approx(0.1)
    assert rates[21] == rates[last] == pytest.approx(0.1 / 16)
    assert all(math.isfinite(loss) for loss in log.values[:, 0])
    assert read_status(folder.path).state == "finished"
    assert len(events(folder, "alarm")) == 2


def test_a_rollback_passes_over_a_checkpoint_that_is_broken_itself(
    make_run: MakeRun, broken_at: Callable[..., None]
) -> None:
    folder = make_run(PLAIN, "diagnostics.on_nan=rollback", "trainer.evaluate_every_epochs=null")
    broken_at("second", 30, in_gradient)
    assert train(folder) == 0
    (told,) = [event for event in events(folder, "state") if event.data.get("rolled_back")]
    assert told.data["step"] == 20
    assert events(folder, "alarm")[0].step == 31


def test_rollbacks_that_do_not_help_end_in_a_failure_that_says_so(
    make_run: MakeRun, broken_at: Callable[..., None]
) -> None:
    folder = make_run(PLAIN, "diagnostics.on_nan=rollback", "diagnostics.rollback.most=2")
    broken_at("second", 23, in_output(math.nan), 99)
    assert train(folder) == 1
    status = read_status(folder.path)
    assert status.state == "failed"
    assert "rolled back 2 times in a row" in status.message
    assert train_log(folder).steps.tolist()[-1] == 22


def test_without_a_checkpoint_there_is_nothing_to_roll_back_to(
    make_run: MakeRun, broken_at: Callable[..., None]
) -> None:
    folder = make_run(PLAIN, "diagnostics.on_nan=rollback")
    broken_at("first", 3, in_output(math.nan))
    assert train(folder) == 1
    assert "no sound checkpoint" in read_status(folder.path).message


def test_a_training_that_was_rolled_back_resumes_bitwise(
    make_run: MakeRun, broken_at: Callable[..., None]
) -> None:
    settings = ("diagnostics.on_nan=rollback", "scheduler={type: one_cycle}")
    whole, parted = make_run(PLAIN, *settings), make_run(PLAIN, *settings)
    broken_at("second", 23, in_output(math.nan))
    assert train(whole) == 0
    broken_at("second", 23, in_output(math.nan))
    train_until(parted, 37)
    assert train(parted, resume=True) == 0
    assert same_weights(whole, parted)


def test_short_memory_makes_smaller_parts_of_the_same_batch_and_the_same_result(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ample = make_run(PLAIN)
    assert train(ample) == 0
    usual = Stepper._values
    sizes: list[int] = []

    def values(stepper: Stepper, batch: Any, phase: Any) -> list[Tensor]:
        if len(batch) > 8:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(batch))
        return usual(stepper, batch, phase)

    monkeypatch.setattr(Stepper, "_values", values)
    scarce = make_run(PLAIN)
    assert train(scarce) == 0
    told = [event.message for event in events(scarce, "log") if "out of memory" in event.message]
    assert [text.split(" examples")[0][-2:].strip() for text in told] == ["16", "8"]
    assert set(sizes) == {8}
    assert read_status(scarce.path).step == read_status(ample.path).step
    first, second = last_weights(ample), last_weights(scarce)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-4, atol=1e-5)
