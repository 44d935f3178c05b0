"""Generators against discriminators: losses against plain references, and what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from dltui.recipe.tasks.gan import (
    Hinge,
    LeastSquares,
    NonSaturating,
    WassersteinGradientPenalty,
)
from dltui.runs import ArrayReader, EventReader, MetricReader, RunFolder, read_status
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.gan import discriminator_loss, generator_loss
from dltui.worker.tasks.judging import Judge, Judgement, share_recognised
from tests.worker.conftest import (
    DIGITS,
    MakeRun,
    last_weights,
    resumed_bitwise,
    same_weights,
    train,
)

GAN = """
dltui: 1
name: gan
data: {type: builtin, name: digits, batch_size: 64, limit: 200,
  normalize: {mean: [0.5], std: [0.5]}}
models:
  generator: {layers: [{linear: 32}, relu, {linear: 64}, tanh, {reshape: [1, 8, 8]}]}
  discriminator: {layers: [flatten, {linear: 32}, leaky_relu, {linear: 1}]}
task: {type: gan, latent: 8, samples: 9}
optimizers:
  generator: {type: adam, lr: 0.002}
  discriminator: {type: adam, lr: 0.002}
trainer: {epochs: 2, device: cpu}
"""
CONDITIONAL = (
    GAN.replace("samples: 9", "samples: 20, conditional: true")
    .replace(
        "generator: {layers: [{linear: 32}",
        "generator: {inputs: [noise, label], layers: [{class_embedding: 4, in: [label], name: c}, "
        "{cat: 1, in: [noise, c]}, {linear: 32}",
    )
    .replace(
        "discriminator: {layers: [flatten, ",
        "discriminator: {inputs: [image, label], layers: [{flatten: 1, in: [image], name: i}, "
        "{class_embedding: 4, in: [label], name: c}, {cat: 1, in: [i, c]}, ",
    )
)
WASSERSTEIN = GAN.replace("latent: 8", "latent: 8, critic_steps: 2, loss: {type: wgan_gp}")


def values(run: RunFolder, column: str) -> np.ndarray:
    reader = MetricReader(run.metric_log("train"))
    reader.poll()
    return np.asarray(reader.values[:, reader.columns.index(column)])


def pictures(run: RunFolder, place: int = -1) -> dict[str, Any]:
    folder = sorted(run.samples.glob("step_*"))[place]
    found: dict[str, Any] = json.loads((folder / "pictures.json").read_bytes())
    return found


def test_a_gan_shows_a_grid_and_the_scores_of_both_sides(make_run: MakeRun) -> None:
    run = make_run(GAN)
    assert train(run) == 0
    shown = pictures(run)
    assert (shown["columns"], len(shown["pictures"])) == (3, 9)
    for column in ("loss", "discriminator_loss", "real_score", "fake_score"):
        assert np.isfinite(values(run, column)).all()
    assert read_status(run.path).best is None


def test_the_update_of_every_layer_is_measured_whatever_its_turn(make_run: MakeRun) -> None:
    run = make_run(CONDITIONAL)
    assert train(run) == 0
    log = ArrayReader(run.array_log("layers"))
    log.poll()
    frame = log.frame(-1)
    assert {name.split(".")[0] for name in frame.meta["layers"]} == {"generator", "discriminator"}
    assert (frame.arrays["update_ratio"] > 0).all()


def test_an_evaluation_without_metrics_is_told_all_the_same(make_run: MakeRun) -> None:
    run = make_run(GAN, "trainer.epochs=null", "trainer.steps=2")
    assert train(run) == 0
    reader = EventReader(run.events)
    reader.poll()
    said = [event.message for event in reader.events if event.kind == "evaluation"]
    assert said == ["val looked at"]


def test_the_grid_is_of_the_same_noise_at_every_step(make_run: MakeRun) -> None:
    run = make_run(GAN, "optimizers.generator.lr=1e-30")
    assert train(run) == 0
    first, last = (sorted(run.samples.glob("step_*"))[place] for place in (0, -1))
    assert first != last
    for name in ("p000.png", "p008.png"):
        assert (first / name).read_bytes() == (last / name).read_bytes()


def test_a_conditional_gan_has_a_column_for_each_class(make_run: MakeRun) -> None:
    run = make_run(CONDITIONAL)
    assert train(run) == 0
    shown = pictures(run)
    captions = [picture["caption"] for picture in shown["pictures"]]
    assert shown["columns"] == 10
    assert captions[:10] == [str(number) for number in range(10)]


def test_the_generator_waits_while_the_critic_takes_its_steps(make_run: MakeRun) -> None:
    one = make_run(WASSERSTEIN, "trainer.epochs=null", "trainer.steps=1")
    two = make_run(WASSERSTEIN, "trainer.epochs=null", "trainer.steps=2")
    assert train(one) == train(two) == 0
    first, second = last_weights(one), last_weights(two)
    begun = make_run(WASSERSTEIN, "trainer.epochs=null", "trainer.steps=1", "trainer.seed=0")
    assert train(begun) == 0
    name = next(name for name in first if name.startswith("generator") and "weight" in name)
    assert torch.equal(first[name], last_weights(begun)[name])
    assert not torch.equal(first[name], second[name])
    assert (values(two, "gradient_penalty") > 0).all()


@pytest.mark.parametrize("text", [GAN, CONDITIONAL, WASSERSTEIN], ids=["plain", "class", "wgan"])
def test_a_gan_goes_on_bitwise_from_the_middle_of_an_epoch(text: str, make_run: MakeRun) -> None:
    resumed_bitwise(lambda: make_run(text), 3)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (GAN, "{linear: 1}]", "{linear: 2}]", "the discriminator gives (N,2), but the task gan"),
        (GAN, "{linear: 64}, tanh, {reshape: [1, 8, 8]}", "tanh", "the generator gives (N,32)"),
        (GAN, "  generator: {type: adam, lr: 0.002}\n", "", "nothing trains generator"),
        (GAN, "discriminator: {layers", "judge: {layers", "task gan trains `models: {generator"),
        (GAN, "latent: 8", "latent: 8, conditional: true", "feeds the generator with noise and"),
        (CONDITIONAL, "label", "lable", "not lable"),
        (CONDITIONAL, "name: digits", "name: diabetes", "this data has no classes"),
        (GAN, "name: digits", "name: pydoc", "the task gan makes pictures and tables"),
    ],
)
def test_what_a_gan_cannot_train_is_refused_by_validate(
    text: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert old in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors


def test_one_optimiser_for_both_is_refused_by_validate(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    head, _, _ = GAN.partition("optimizers:")
    path.write_text(head + "optimizer: {type: adam}\ntrainer: {epochs: 2}\n")
    errors = describe_recipe(path)["errors"]
    assert any(
        "needs `optimizers: {generator: …, discriminator: …}`" in e["message"] for e in errors
    )


def test_the_losses_are_those_of_their_papers() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(7), torch.randn(7)
    p_real, p_fake = torch.sigmoid(real), torch.sigmoid(fake)
    smooth = NonSaturating(smoothing=0.1)
    of_real = -(0.9 * p_real.log() + 0.1 * (1 - p_real).log()).mean()
    expected = of_real - (1 - p_fake).log().mean()
    torch.testing.assert_close(discriminator_loss(smooth, real, fake), expected)
    torch.testing.assert_close(generator_loss(smooth, fake), -p_fake.log().mean())
    hinge = Hinge(type="hinge")
    expected = (1 - real).clamp_min(0).mean() + (1 + fake).clamp_min(0).mean()
    torch.testing.assert_close(discriminator_loss(hinge, real, fake), expected)
    torch.testing.assert_close(generator_loss(hinge, fake), -fake.mean())
    squares = LeastSquares(type="least_squares")
    expected = ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
    torch.testing.assert_close(discriminator_loss(squares, real, fake), expected)
    torch.testing.assert_close(generator_loss(squares, fake), ((fake - 1) ** 2).mean() / 2)
    wasserstein = WassersteinGradientPenalty(type="wgan_gp")
    torch.testing.assert_close(
        discriminator_loss(wasserstein, real, fake), fake.mean() - real.mean()
    )
    torch.testing.assert_close(generator_loss(wasserstein, fake), -fake.mean())


def test_the_gradient_penalty_of_a_linear_critic_is_that_of_its_weight(make_run: MakeRun) -> None:
    linear = "discriminator: {layers: [flatten, {linear: 1}]}"
    text = WASSERSTEIN.replace(
        "discriminator: {layers: [flatten, {linear: 32}, leaky_relu, {linear: 1}]}", linear
    )
    run = make_run(
        text, "trainer.epochs=null", "trainer.steps=1", "optimizers.discriminator.lr=1e-30"
    )
    assert train(run) == 0
    weights = last_weights(run)
    name = next(name for name in weights if name.startswith("discriminator") and "weight" in name)
    expected = (weights[name].norm() - 1).square().item()
    assert values(run, "gradient_penalty")[0] == pytest.approx(expected, rel=1e-4)


def judge() -> Judge:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    made = Judge(network, network[3], torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 0.25))
    made.num_features = 6
    return made


def test_the_frechet_distance_is_that_of_the_features_before_the_last_layer() -> None:
    one = judge()
    judgement = Judgement(one)
    metric = judgement.metric("fid", {})
    real, fake = torch.rand(300, 1, 8, 8), torch.rand(300, 1, 8, 8) ** 2
    for part in range(0, 300, 100):
        batch = slice(part, part + 100)
        judgement.update("fid", metric, real[batch], fake[batch], None)
    with torch.no_grad():
        a, b = (one.network[:3]((side - 0.5) / 0.25).double().numpy() for side in (real, fake))
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    gap = a.mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-3)


def test_recognised_is_the_share_of_confident_answers() -> None:
    metric = share_recognised(0.8)
    metric.update(torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.15, 0.85], [0.5, 0.5]]))
    assert float(metric.compute()) == 0.5


def test_a_network_of_ours_judges_the_samples_and_decides_about_best(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DLTUI_RUNS", str(tmp_path / "runs"))
    classifier = make_run(DIGITS, "trainer.epochs=1")
    assert train(classifier) == 0
    plain = make_run(CONDITIONAL)
    judged = make_run(
        CONDITIONAL,
        f"task.fid.features=run/{classifier.path.name}",
        "metrics=[fid, recognised, conditional_accuracy]",
    )
    assert train(plain) == train(judged) == 0
    status = read_status(judged.path)
    assert status.metrics["val/fid"] > 0
    assert 0 <= status.metrics["val/conditional_accuracy"] <= 1
    assert status.best is not None
    assert status.best.metric == "val/fid"
    assert same_weights(plain, judged)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("metrics=[fid]",), "fid needs a trained network: task.fid.features=run/<id>"),
        (("task.fid.features=run/nothing",), "task.fid.features: no run is called 'nothing'"),
    ],
)
def test_a_judge_that_is_not_there_is_refused_before_the_first_step(
    overrides: tuple[str, ...],
    message: str,
    make_run: MakeRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(make_run(GAN, *overrides)) == 2
    assert message in capsys.readouterr().err
