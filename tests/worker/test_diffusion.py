"""Diffusion: the noise is added and taken away as the papers say, and the samples are recorded."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dltui.recipe import load_recipe
from dltui.runs import read_samples, read_status
from dltui.runs.samples import sample_folders
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.noising import Levels
from tests.worker.conftest import MakeRun, resumed_bitwise, train

CPU = torch.device("cpu")
SMALL = (
    "model.params={width: 8, know: 8}",
    "data.limit=64",
    "data.batch_size=32",
    "task.sample.steps=4",
    "task.sample.columns=2",
    "trainer.steps=20",
    "trainer.evaluate_every_steps=10",
    "trainer.checkpoint.every_steps=10",
    "trainer.device=cpu",
)


def source() -> str:
    return load_recipe("diffusion/ddpm-digits").source_text


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [100, 1000])
def test_signal_and_noise_have_variance_one_and_end_in_noise(schedule, steps) -> None:
    levels = Levels.of(steps, schedule, "noise", CPU)
    assert torch.allclose(levels.signal**2 + levels.noise**2, torch.ones(steps), atol=1e-6)
    assert bool((levels.signal.diff() < 0).all())
    assert levels.signal[0] > 0.99
    assert levels.signal[-1] < 0.01


def test_linear_levels_are_those_of_ddpm() -> None:
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    expected = torch.cumprod(1 - betas, 0).sqrt().float()
    assert torch.allclose(Levels.of(1000, "linear", "noise", CPU).signal, expected)


@pytest.mark.parametrize("prediction", ["noise", "velocity"])
def test_the_clean_example_is_found_again_from_a_right_prediction(prediction) -> None:
    levels = Levels.of(100, "cosine", prediction, CPU)
    clean, noise = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3)
    for time in (0, 40, 90):
        times = torch.full((4,), time)
        noisy, target = levels.noised(clean, noise, times), levels.target(clean, noise, times)
        assert torch.allclose(levels.foreseen(noisy, target, time), clean, atol=1e-3)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_perfect_network_turns_noise_into_the_data(eta: float) -> None:
    """Data N(2, 0.5²): the best prediction of the noise is known in closed form."""
    levels = Levels.of(200, "cosine", "noise", CPU)

    def best(x: Tensor, time: int) -> Tensor:
        a, s = levels.signal[time], levels.noise[time]
        return s * (x - a * 2) / (a**2 * 0.25 + s**2)

    generator = torch.Generator().manual_seed(0)
    start = torch.randn(4000, 1, generator=generator)
    made = levels.denoised(start, best, 200, eta=eta, generator=generator)
    assert made.mean().item() == pytest.approx(2, abs=0.05)
    assert made.std().item() == pytest.approx(0.5, abs=0.05)


def test_the_recipe_trains_and_leaves_a_grid_of_every_class(make_run: MakeRun) -> None:
    run = make_run(source(), *SMALL)
    assert train(run) == 0
    assert read_status(run.path).metrics["val/loss"] < 1.3
    grids = [read_samples(folder, "pictures") for folder in sample_folders(run.samples, "pictures")]
    assert [grid["step"] for grid in grids if grid] == [10, 20]
    last = grids[-1]
    assert last is not None
    assert last["row_labels"] == list("0123456789")
    assert last["columns"] == 2
    assert len(last["pictures"]) == 20


def test_a_run_goes_on_bitwise_from_the_middle(make_run: MakeRun) -> None:
    resumed_bitwise(lambda: make_run(source(), *SMALL), 7)


def test_a_classifier_of_ours_judges_the_samples(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = make_run()
    assert train(classifier) == 0
    monkeypatch.setenv("DLTUI_RUNS", str(classifier.path.parent))
    judged = make_run(
        source(), *SMALL, f"task.fid.features=run/{classifier.id}", "metrics=[conditional_accuracy]"
    )
    assert train(judged) == 0
    assert 0 <= read_status(judged.path).metrics["val/conditional_accuracy"] <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("task.conditional=false", "guidance needs a network that is told the class"),
        ("task.sample.steps=2000", "only 1000 levels"),
        ("data.name=diabetes", "no classes"),
        ("model.inputs=[x, time]", "label"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(change: str, message: str) -> None:
    overrides = [change] + (["data.normalize=true"] if "diabetes" in change else [])
    errors = describe_recipe("diffusion/ddpm-digits", overrides)["errors"]
    assert any(message in error["message"] for error in errors), errors


def test_guidance_without_label_dropout_is_refused(make_run: MakeRun) -> None:
    run = make_run(source().replace("dropout: 0.1", "dropout: 0.0"), *SMALL)
    assert train(run) == 2
    assert "class_embedding" in read_status(run.path).message
