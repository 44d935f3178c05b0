"""What one network has learned helps another: fine-tuning and distillation."""

from __future__ import annotations

import pytest
import torch

from dltui.recipe import load_recipe
from dltui.runs import RunFolder, read_status
from dltui.worker.data import describe, open_data
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.distil import soft_loss
from tests.worker.conftest import MakeRun, last_weights, train

QUICK = ("trainer.epochs=null", "trainer.steps=20", "trainer.device=cpu")


def source(name: str) -> str:
    return load_recipe(name).source_text


@pytest.fixture
def pretrained(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    run = make_run(source("transfer/pretrain-digits"), *QUICK)
    assert train(run) == 0
    monkeypatch.setenv("DLTUI_RUNS", str(run.path.parent))
    return run


def test_a_network_of_other_digits_is_tuned_and_its_frozen_stages_stay(
    pretrained: RunFolder, make_run: MakeRun
) -> None:
    tuned = make_run(
        source("transfer/finetune-digits"), f"model.from=run/{pretrained.id}", "trainer.device=cpu"
    )
    assert train(tuned) == 0
    before, after = last_weights(pretrained), last_weights(tuned)
    for stage in ("stage0", "stage1"):
        names = [name for name in after if name.startswith(stage)]
        assert names
        assert all(torch.equal(before[name], after[name]) for name in names)
    changed = [name for name in after if name.startswith("stage2") and name.endswith("weight")]
    assert not any(torch.equal(before[name], after[name]) for name in changed)
    assert read_status(tuned.path).step == 20


def test_scratch_and_finetuned_see_the_same_data_for_as_many_steps() -> None:
    scratch = load_recipe("transfer/scratch-digits")
    tuned = load_recipe("transfer/finetune-digits")
    assert scratch.data == tuned.data
    assert scratch.trainer == tuned.trainer
    assert scratch.scheduler == tuned.scheduler


def test_chosen_classes_are_numbered_anew_and_counted_without_training() -> None:
    recipe = load_recipe("transfer/pretrain-digits", ["data.only_classes=[7, 5, 9]"])
    data = open_data(recipe, seed=0, device="cpu")
    assert describe(recipe) == data.info
    assert data.info.class_names == ("5", "7", "9")
    batches = [batch.targets for batch in data.train.epoch(0)]
    assert set(torch.cat(batches).tolist()) == {0, 1, 2}
    assert data.train.size + (data.val.size if data.val else 0) == 182 + 179 + 180


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.only_classes=[5, ten]", "has no class 'ten'"),
        ("data.only_classes=[5, 5]", "one class"),
    ],
)
def test_classes_that_are_not_there_are_refused(override: str, message: str) -> None:
    from dltui.errors import DataError

    with pytest.raises(DataError, match=message):
        describe(load_recipe("transfer/pretrain-digits", [override]))


def test_the_loss_of_distillation_is_hintons() -> None:
    student, teacher, t = torch.randn(4, 3), torch.randn(4, 3), 3.0
    p, q = (teacher / t).softmax(1), (student / t).softmax(1)
    expected = t**2 * (p * (p / q).log()).sum(1).mean()
    assert torch.allclose(soft_loss(student, teacher, t), expected, atol=1e-6)
    assert soft_loss(teacher, teacher, t).item() == pytest.approx(0, abs=1e-6)


def test_a_student_learns_from_a_teacher_alone(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = make_run()
    assert train(teacher) == 0
    monkeypatch.setenv("DLTUI_RUNS", str(teacher.path.parent))
    steps = (*QUICK[:1], "trainer.steps=100", "trainer.device=cpu")
    student = make_run(source("transfer/distil-digits"), *steps, f"task.teacher=run/{teacher.id}")
    assert train(student) == 0
    metrics = read_status(student.path).metrics
    assert metrics["val/accuracy"] > 0.4
    assert metrics["train/agreement"] > 0.4
    assert not any(name.startswith("teacher") for name in last_weights(student))


def test_a_teacher_of_other_classes_is_refused(pretrained: RunFolder, make_run: MakeRun) -> None:
    student = make_run(
        source("transfer/distil-digits"), *QUICK, f"task.teacher=run/{pretrained.id}"
    )
    assert train(student) == 2
    assert "the teacher gives 5 numbers" in read_status(student.path).message
    (error,) = describe_recipe(student.resolved)["errors"]
    assert error["path"] == "task.teacher"
    assert "the teacher gives 5 numbers" in error["message"]
