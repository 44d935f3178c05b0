"""Autoencoders: their losses and metrics against plain references, and what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributions, nn

from dltui.graph.modules.codebook import VectorQuantize
from dltui.recipe import load_recipe
from dltui.recipe.data_info import DataInfo
from dltui.recipe.tasks.vae import Bernoulli, Gaussian
from dltui.runs import ArrayReader, RunFolder, read_status
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks import build_task
from dltui.worker.tasks.autoencode import codebook_perplexity
from dltui.worker.tasks.pixels import Pixels
from dltui.worker.tasks.reconstruction import plane, reconstruction_metric
from dltui.worker.tasks.vae import VaeTask, divergence_from_normal
from tests.worker.conftest import MakeRun, resumed_bitwise, train

HEAD = """
dltui: 1
name: small
data: {type: builtin, name: digits, batch_size: 64, limit: 150,
  normalize: {mean: [0.5], std: [0.5]}}
optimizer: {type: adam, lr: 0.003}
trainer: {epochs: 2, device: cpu}
"""
DENOISING = (
    HEAD
    + """
model: {layers: [flatten, {linear: 32}, relu, {linear: 64}, {reshape: [1, 8, 8]}]}
task: {type: autoencode, noise: {std: 0.5, mask: 0.2}}
metrics: [mse, ssim]
"""
)
VAE = (
    HEAD
    + """
models:
  encoder: {layers: [flatten, {linear: 32}, relu, {linear: 6}]}
  decoder: {layers: [{linear: 32}, relu, {linear: 64}, {reshape: [1, 8, 8]}]}
task: {type: vae, latent: 3, beta: 0.5}
"""
)
QUANTISED = (
    HEAD
    + """
models:
  encoder: {layers: [{conv: {out: 4, stride: 2}}, {vector_quantize: {codes: 16}}]}
  decoder: {layers: [{conv_transpose: 1}]}
task: {type: autoencode, latent: [4, 4, 4]}
metrics: [mse, codebook_perplexity]
"""
)


def pictures(run: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (sorted(run.samples.glob("step_*"))[-1] / "pictures.json").read_bytes()
    )
    return found


def arrays(run: RunFolder, group: str) -> dict[str, np.ndarray]:
    reader = ArrayReader(run.array_log(group))
    reader.poll()
    return dict(reader.last().arrays)


def test_a_denoising_autoencoder_shows_what_it_saw_and_what_it_made_of_it(
    make_run: MakeRun,
) -> None:
    run = make_run(DENOISING)
    assert train(run) == 0
    assert {"val/loss", "val/mse", "val/ssim"} <= set(read_status(run.path).metrics)
    rows = pictures(run)["row_labels"]
    assert rows == ["input", "as seen", "made of it", "strangest", "made of it"]


def test_a_vae_leaves_reconstructions_samples_a_map_and_a_score_of_each_example(
    make_run: MakeRun,
) -> None:
    run = make_run(VAE)
    assert train(run) == 0
    metrics = read_status(run.path).metrics
    assert {"train/reconstruction", "train/divergence", "val/elbo"} <= set(metrics)
    assert metrics["val/elbo"] <= -metrics["val/loss"]  # β < 1 counts less of the divergence
    shown = pictures(run)
    assert shown["row_labels"].count("sampled") == 2
    scores = arrays(run, "anomaly")["score"]
    strangest = [float(p["caption"]) for p in shown["pictures"] if p["caption"]]
    assert strangest == pytest.approx(sorted(scores, reverse=True)[:10], rel=1e-2)
    assert scores.mean() == pytest.approx(-metrics["val/elbo"], rel=1e-4)
    points = arrays(run, "scatter")
    assert points["x"].shape == points["label"].shape == scores.shape
    assert set(points["label"].tolist()) == set(range(10))


def test_the_samples_of_a_vae_are_of_the_same_noise_at_every_step(make_run: MakeRun) -> None:
    run = make_run(VAE, "optimizer.lr=1e-30")
    assert train(run) == 0
    first, last = (sorted(run.samples.glob("step_*"))[place] for place in (0, -1))
    assert first != last
    names = [path.name for path in first.glob("p*.png")]
    assert len(names) == 60
    assert all((first / name).read_bytes() == (last / name).read_bytes() for name in names)


@pytest.mark.parametrize("text", [DENOISING, VAE, QUANTISED], ids=["denoising", "vae", "vq"])
def test_an_autoencoder_goes_on_bitwise_from_the_middle_of_an_epoch(
    text: str, make_run: MakeRun
) -> None:
    resumed_bitwise(lambda: make_run(text), 2)


def test_a_table_is_reconstructed_and_mapped_too(make_run: MakeRun) -> None:
    run = make_run(
        "dltui: 1\nname: wine\ndata: {type: builtin, name: wine}\n"
        "models: {encoder: {layers: [{linear: 4}]}, decoder: {layers: [{linear: 13}]}}\n"
        "task: {type: vae, latent: 2, loss: {type: mse}}\noptimizer: {type: adam, lr: 0.01}\n"
        "trainer: {epochs: 2, device: cpu}\n"
    )
    assert train(run) == 0
    assert not run.samples.exists() or not list(run.samples.glob("step_*/pictures.json"))
    assert len(arrays(run, "scatter")["x"]) == len(arrays(run, "anomaly")["score"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{linear: 6}", "{linear: 3}", "the encoder gives (N,3), but the task vae needs (N,6)"),
        ("{reshape: [1, 8, 8]}", "relu", "the decoder gives (N,64), but the task vae needs (N,1,8"),
        ("decoder:", "recoder:", "task vae trains `models: {encoder: …, decoder: …}`"),
        ("name: digits", "name: pydoc", "the task vae makes pictures and tables"),
        ("beta: 0.5", "beta: -1", "expected"),
    ],
)
def test_what_a_vae_cannot_train_is_refused_by_validate(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(VAE.replace(old, new))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors


def test_cross_entropy_of_a_tables_columns_is_refused(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(
        "dltui: 1\nname: wine\ndata: {type: builtin, name: wine}\nmodel: {layers: [{linear: 13}]}\n"
        "task: {type: autoencode, loss: {type: bce}}\noptimizer: {type: adam}\n"
        "trainer: {epochs: 1, device: cpu}\n"
    )
    assert train(run) == 2
    assert "task.loss: bce compares with pixels from 0 to 1" in capsys.readouterr().err


def vae_task(loss: Any, tmp_path: Path) -> VaeTask:
    path = tmp_path / "recipe.yaml"
    path.write_text(VAE)
    info = DataInfo((1, 8, 8), "float32", "class", classes=10)
    task = build_task(load_recipe(path), info)
    assert isinstance(task, VaeTask)
    task.section = task.recipe.task.model_copy(update={"loss": loss})
    task.pixels = Pixels(torch.tensor(0.5), torch.tensor(0.5), (1, 8, 8), (1, 8, 8))
    return task


def test_the_terms_of_the_elbo_are_those_of_torchs_distributions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    own = distributions.Normal(mean, (0.5 * log_variance).exp())
    normal = distributions.Normal(torch.zeros(3), torch.ones(3))
    expected = distributions.kl_divergence(own, normal).sum(1)
    torch.testing.assert_close(divergence_from_normal(mean, log_variance), expected)

    outputs, inputs = torch.randn(5, 1, 8, 8), torch.rand(5, 1, 8, 8) * 2 - 1
    gaussian = vae_task(Gaussian(type="mse", std=0.3), tmp_path).surprise(outputs, inputs)
    log_p = distributions.Normal(outputs, 0.3).log_prob(inputs)
    torch.testing.assert_close(gaussian, -log_p.sum((1, 2, 3)))
    coins = vae_task(Bernoulli(), tmp_path).surprise(outputs, inputs)
    bernoulli = distributions.Bernoulli(logits=outputs, validate_args=False)
    torch.testing.assert_close(coins, -bernoulli.log_prob((inputs + 1) / 2).sum((1, 2, 3)))


def test_ssim_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    one = torch.rand(1, 1, 16, 16)
    other = (one + 0.2 * torch.randn_like(one)).clamp(0, 1)
    pixels = Pixels(torch.zeros(1), torch.ones(1), (1, 16, 16), (1, 16, 16))
    metric = reconstruction_metric("ssim", {}, pixels)
    metric.update(other, one)
    offsets = torch.arange(11) - 5
    bell = torch.exp(-offsets.double().square() / (2 * 1.5**2))
    window = (bell[:, None] * bell / bell.sum() ** 2)[None, None]

    def smooth(image: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(image.double(), (5, 5, 5, 5), mode="reflect")
        return nn.functional.conv2d(padded, window)

    x, y, c1, c2 = other.double(), one.double(), 0.01**2, 0.03**2
    mx, my = smooth(x), smooth(y)
    vx, vy, vxy = smooth(x * x) - mx * mx, smooth(y * y) - my * my, smooth(x * y) - mx * my
    top = (2 * mx * my + c1) * (2 * vxy + c2)
    expected = (top / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean()
    assert float(metric.compute()) == pytest.approx(float(expected), abs=1e-5)


def test_the_map_shows_the_two_directions_in_which_codes_vary_most() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(200, 5)) * [5.0, 0.1, 3.0, 0.2, 0.1]
    points, axes = plane(torch.tensor(codes))
    _, spread, directions = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    expected = (codes - codes.mean(0)) @ directions[:2].T
    assert np.abs(points.numpy()) == pytest.approx(np.abs(expected), abs=1e-4)
    share = spread[0] ** 2 / (spread**2).sum()
    assert axes[0] == f"component 1 ({share:.0%})"


def quantiser(codes: int = 6, axis: int = 1) -> VectorQuantize:
    torch.manual_seed(0)
    layer = VectorQuantize(codes, 3, 0.25, axis)
    layer.weight.data.normal_()
    layer.unused.zero_()
    return layer


def test_quantising_takes_the_nearest_code_and_gradients_pass_straight_through() -> None:
    layer = quantiser()
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    out = layer(x)
    rows = x.detach().movedim(1, -1).reshape(-1, 3)
    nearest = torch.cdist(rows, layer.weight.detach()).argmin(1)
    expected = layer.weight[nearest].reshape(2, 4, 4, 3).movedim(-1, 1)
    torch.testing.assert_close(out, expected)
    assert layer.chosen is not None
    assert torch.equal(layer.chosen, nearest.reshape(2, 4, 4))
    out.backward(passed := torch.randn_like(out))
    assert torch.equal(x.grad, passed)  # type: ignore[arg-type]
    assert layer.weight.grad is None


def test_the_loss_of_a_codebook_pulls_codes_and_vectors_together() -> None:
    layer = quantiser(axis=1)
    x = torch.randn(8, 3, requires_grad=True)
    layer(x)
    assert layer.auxiliary_loss is not None
    picked = layer.weight[torch.cdist(x, layer.weight).argmin(1)]
    assert layer.auxiliary_loss.item() == pytest.approx(
        1.25 * (x - picked).square().mean().item(), rel=1e-5
    )
    layer.auxiliary_loss.backward()
    torch.testing.assert_close(x.grad, 0.25 * 2 * (x - picked).detach() / x.numel())
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0


def test_codes_that_nothing_chooses_move_to_the_data_while_training_only() -> None:
    layer = quantiser(codes=4)
    layer.weight.data.fill_(1000.0)
    layer.unused.fill_(1000)
    x = torch.randn(32, 3)
    assert (layer.eval()(x) > 900).all()
    layer.train()(x)
    distances = torch.cdist(layer.weight.detach(), x)
    assert distances.min(1).values.max() < 1e-6


def test_the_codebook_learns_in_a_run_and_its_use_is_measured(make_run: MakeRun) -> None:
    run = make_run(QUANTISED, "trainer.epochs=6")
    assert train(run) == 0
    use = read_status(run.path).metrics["val/codebook_perplexity"]
    assert 2 < use <= 16


def test_codebook_perplexity_is_exp_of_the_entropy() -> None:
    metric = codebook_perplexity()
    metric.update(torch.tensor([[0, 1], [1, 2]]), 8)
    metric.update(torch.tensor([2, 2, 2, 2]), 8)
    shares = np.array([1, 2, 5]) / 8
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-5)
