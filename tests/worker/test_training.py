"""What a training writes, and that interruptions and diagnostics do not change its result."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from dltui.runs import (
    ArrayReader,
    EventReader,
    MetricReader,
    RunFolder,
    checkpoint_at,
    read_samples,
    read_status,
)
from dltui.runs.samples import sample_folders
from dltui.worker.checkpoints import read_checkpoint
from tests.worker.conftest import DIGITS, MakeRun, same_weights, train, train_until


def metric(folder: RunFolder, group: str, column: str) -> Any:
    reader = MetricReader(folder.metric_log(group))
    reader.poll()
    return reader.values[:, reader.columns.index(column)]


def events(folder: RunFolder, kind: str) -> list[Any]:
    reader = EventReader(folder.events)
    reader.poll()
    return [event for event in reader.events if event.kind == kind]


def last_frame(folder: RunFolder, group: str) -> Any:
    reader = ArrayReader(folder.array_log(group))
    reader.poll()
    return reader.last()


def test_a_run_learns_and_leaves_everything_that_a_reader_shows(make_run: MakeRun) -> None:
    folder = make_run(DIGITS, "trainer.epochs=6")
    assert train(folder) == 0

    status = read_status(folder.path)
    assert status.state == "finished"
    assert status.step == status.steps_total == 6 * status.steps_per_epoch
    assert status.epoch == 6
    assert status.best is not None
    assert status.best.metric == "val/accuracy"
    assert status.best.value > 0.75

    loss = metric(folder, "train", "loss")
    assert len(loss) == status.step
    assert loss[-5:].mean() < 0.5 * loss[:5].mean()
    assert set(metric(folder, "train", "lr")) == {0.01}
    assert np.isfinite(metric(folder, "train", "grad_norm")).any()
    assert len(metric(folder, "val", "accuracy")) == 6

    confusion = last_frame(folder, "confusion")
    matrix = confusion.arrays["matrix"]
    assert matrix.sum() == 300
    assert np.trace(matrix) / matrix.sum() == pytest.approx(
        metric(folder, "val", "accuracy")[-1], abs=1e-6
    )
    assert last_frame(folder, "layers").meta["layers"]
    assert last_frame(folder, "schedule").arrays["lr"][0] == 0.01

    examples = read_samples(sample_folders(folder.samples, "examples")[-1], "examples")
    assert examples is not None
    wrong = int(matrix.sum() - np.trace(matrix))
    first = examples["examples"][0]
    assert (first["truth"] != first["prediction"]) == (wrong > 0)
    picture = sample_folders(folder.samples, "examples")[-1] / first["image"]
    assert picture.read_bytes().startswith(b"\x89PNG")

    environment = json.loads(folder.environment.read_text())
    assert environment["seed"] == 0
    assert torch.__version__.startswith(environment["packages"]["torch"].split("+")[0])


RESUMED = """
optimizer: {type: sgd, lr: 0.05, momentum: 0.9}
scheduler: {type: cosine, warmup: {steps: 4, start: 0.1}}
trainer:
  epochs: 4
  device: cpu
  accumulate: 2
  ema: {decay: 0.9}
  clip: {norm: 1.0}
  l2: 0.0001
  early_stopping: {patience: 50}
  checkpoint: {every_epochs: 1}
"""


@pytest.mark.parametrize("stop_at", [3, 5, 7], ids="stopped at step {}".format)
def test_resuming_within_an_epoch_ends_in_bitwise_the_same_weights(
    stop_at: int, make_run: MakeRun
) -> None:
    text = DIGITS.split("optimizer:")[0] + RESUMED
    whole, parted = make_run(text), make_run(text)
    assert train(whole) == 0
    train_until(parted, stop_at)
    assert read_status(parted.path).checkpoint_step == stop_at
    assert train(parted, resume=True) == 0

    assert same_weights(whole, parted)
    assert metric(parted, "train", "loss").tolist() == metric(whole, "train", "loss").tolist()
    assert metric(parted, "val", "loss").tolist() == metric(whole, "val", "loss").tolist()
    _, whole_state = read_checkpoint(checkpoint_at(whole.checkpoints, None))
    _, parted_state = read_checkpoint(checkpoint_at(parted.checkpoints, None))
    for name, tensor in whole_state["ema"]["average"].items():
        assert torch.equal(tensor, parted_state["ema"]["average"][name])


def test_what_was_recorded_after_the_last_checkpoint_is_superseded(make_run: MakeRun) -> None:
    folder = make_run(DIGITS, "trainer.checkpoint.every_steps=4")
    train_until(folder, 6)
    # The worker vanished: its last checkpoint is an earlier one.
    (folder.checkpoints / "step_00000006").rename(folder.path / "gone")
    (folder.checkpoints / "latest").write_text("step_00000004\n")
    assert train(folder, resume=True) == 0
    reader = MetricReader(folder.metric_log("train"))
    reader.poll()
    status = read_status(folder.path)
    assert reader.steps.tolist() == list(range(1, status.step + 1))


def test_diagnostics_do_not_change_the_weights(make_run: MakeRun) -> None:
    on = make_run(DIGITS, "diagnostics.every_steps=1")
    off = make_run(DIGITS, "diagnostics.enabled=false")
    assert train(on) == train(off) == 0
    assert last_frame(on, "histograms").arrays["weights"].sum() > 0
    assert same_weights(on, off)


def test_accumulation_equals_one_large_batch(make_run: MakeRun) -> None:
    text = DIGITS.replace("    - dropout: 0.2\n", "").replace("    - bn\n", "")
    text = text.replace(", augment: [{crop: {padding: 1}}]", "")
    large = make_run(text, "data.batch_size=64", "optimizer.type=sgd", "trainer.epochs=1")
    small = make_run(
        text, "data.batch_size=32", "trainer.accumulate=2", "optimizer.type=sgd", "trainer.epochs=1"
    )
    assert train(large) == train(small) == 0
    losses = metric(large, "train", "loss")
    assert metric(small, "train", "loss") == pytest.approx(losses, rel=1e-4)


def test_a_diverging_run_fails_and_names_the_layer(make_run: MakeRun) -> None:
    folder = make_run(DIGITS, "optimizer.type=sgd", "optimizer.lr=1e30", "trainer.epochs=2")
    assert train(folder) == 1
    status = read_status(folder.path)
    assert status.state == "failed"
    assert "the loss became" in status.message
    alarm = events(folder, "alarm")[0]
    assert alarm.data["layer"] is not None
    assert alarm.step == len(metric(folder, "train", "loss")) + 1
    assert "lower optimizer.lr" in status.message


def test_a_diverging_run_goes_on_where_the_recipe_says_so(make_run: MakeRun) -> None:
    folder = make_run(
        DIGITS,
        "optimizer.type=sgd",
        "optimizer.lr=1e30",
        "trainer.epochs=1",
        "diagnostics.on_nan=continue",
    )
    assert train(folder) == 0
    assert len(events(folder, "alarm")) == 1
    assert not math.isfinite(metric(folder, "train", "loss")[-1])


def test_early_stopping_ends_the_training_when_nothing_gets_better(make_run: MakeRun) -> None:
    folder = make_run(
        DIGITS,
        "trainer.epochs=50",
        "trainer.early_stopping.patience=1",
        "trainer.early_stopping.min_delta=10.0",
    )
    assert train(folder) == 0
    status = read_status(folder.path)
    assert status.state == "finished"
    assert status.epoch == 3
    assert any("early stopping" in event.message for event in events(folder, "log"))


def test_all_folds_are_trained_and_summed_up(make_run: MakeRun) -> None:
    folder = make_run(DIGITS, "data.kfold.folds=3", "trainer.epochs=2")
    assert train(folder) == 0
    status = read_status(folder.path)
    assert status.step == status.steps_total
    assert 0.3 < status.metrics["cv/accuracy_mean"] <= 1
    ends = metric(folder, "val", "accuracy")[1::2]
    assert status.metrics["cv/accuracy_mean"] == pytest.approx(float(np.mean(ends)))
    assert status.metrics["cv/accuracy_std"] == pytest.approx(float(np.std(ends, ddof=1)))


def test_cross_validation_goes_on_within_the_fold_that_was_stopped(make_run: MakeRun) -> None:
    settings = ("data.kfold.folds=2", "trainer.epochs=2")
    whole, parted = make_run(DIGITS, *settings), make_run(DIGITS, *settings)
    assert train(whole) == 0
    per_fold = read_status(whole.path).step // 2
    train_until(parted, per_fold + 3)
    assert train(parted, resume=True) == 0
    assert same_weights(whole, parted)
    assert read_status(parted.path).metrics["cv/loss_mean"] == pytest.approx(
        read_status(whole.path).metrics["cv/loss_mean"]
    )


def test_a_fork_goes_on_from_the_parents_step_with_its_own_settings(make_run: MakeRun) -> None:
    parent = make_run(DIGITS, "trainer.checkpoint.every_steps=5")
    assert train(parent) == 0
    step = read_status(parent.path).step
    child = make_run(DIGITS, "trainer.epochs=4", "optimizer.lr=0.001", parent=f"{parent.id}@{step}")
    assert train(child) == 0
    reader = MetricReader(child.metric_log("train"))
    reader.poll()
    assert reader.steps[0] == step + 1
    assert set(metric(child, "train", "lr")) == {0.001}
    assert metric(child, "train", "loss")[0] < metric(parent, "train", "loss")[0] / 2


def test_a_fork_that_has_nothing_left_to_do_says_so(make_run: MakeRun) -> None:
    parent = make_run(DIGITS)
    assert train(parent) == 0
    step = read_status(parent.path).step
    child = make_run(DIGITS, parent=f"{parent.id}@{step}")
    assert train(child) == 1
    assert "raise trainer.epochs" in read_status(child.path).message


def test_memory_that_runs_out_halves_the_micro_batch_and_keeps_the_result(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DIGITS.replace("    - dropout: 0.2\n", "").replace("    - bn\n", "")
    plenty, scarce = make_run(text, "trainer.epochs=1"), make_run(text, "trainer.epochs=1")
    assert train(plenty) == 0
    real = torch.nn.Linear.forward

    def with_little_memory(self: torch.nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        if self.training and len(inputs) > 10:
            raise torch.OutOfMemoryError("out of memory")
        return real(self, inputs)

    monkeypatch.setattr(torch.nn.Linear, "forward", with_little_memory)
    assert train(scarce) == 0
    said = [event.message for event in events(scarce, "log") if "out of memory" in event.message]
    assert said == [
        "out of memory: micro-batches of 16 examples now, same effective batch",
        "out of memory: micro-batches of 8 examples now, same effective batch",
    ]
    expected = metric(plenty, "train", "loss")
    assert metric(scarce, "train", "loss") == pytest.approx(expected, rel=1e-3)


def test_a_broken_recipe_fails_with_its_place(make_run: MakeRun) -> None:
    folder = make_run()
    folder.resolved.write_text(folder.resolved.read_text().replace("adamw", "adamwww"))
    assert train(folder) == 2
    status = read_status(folder.path)
    assert status.state == "failed"
    assert "resolved.yaml:" in status.message
    assert "adamw" in status.message


def test_the_test_is_of_the_best_weights_and_the_last_ones_go_on(make_run: MakeRun) -> None:
    # The rate explodes after the fourth epoch, so that the best weights are early ones.
    folder = make_run(
        DIGITS,
        "data.split={train: 0.6, val: 0.2, test: 0.2}",
        "scheduler={type: step, every_epochs: 4, gamma: 1000}",
        "trainer.epochs=6",
        "diagnostics.on_nan=continue",
    )
    assert train(folder) == 0
    status = read_status(folder.path)
    assert status.best is not None
    assert status.best.step < status.step
    told = [event.message for event in events(folder, "log")]
    assert f"tested with the best weights, of step {status.best.step}" in told
    _, last = read_checkpoint(checkpoint_at(folder.checkpoints, None))
    assert last["step"] == status.step
    assert status.test["accuracy"] > metric(folder, "val", "accuracy")[-1] + 0.2


def test_the_best_value_after_an_earlier_checkpoint_is_the_best_until_there(
    make_run: MakeRun,
) -> None:
    folder = make_run(DIGITS, "trainer.epochs=4", "trainer.checkpoint.keep=9")
    train_until(folder, 30)
    before = read_status(folder.path).best
    assert before is not None
    first = events(folder, "checkpoint")[0]
    assert first.data["best"]
    assert before.step > first.step
    (folder.checkpoints / "latest").write_text(f"step_{first.step:08d}\n")
    train_until(folder, first.step + 1, resume=True)
    best = read_status(folder.path).best
    assert best is not None
    assert best.step == first.step
