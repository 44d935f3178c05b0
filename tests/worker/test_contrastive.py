"""Contrastive learning of pictures and texts, and of two views of a picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from dltui.recipe import load_recipe
from dltui.runs import read_samples, read_status
from dltui.runs.samples import sample_folders
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.contrastive import symmetric_cross_entropy
from dltui.worker.tasks.probing import Probes
from dltui.worker.tasks.simclr import nt_xent
from tests.worker.conftest import MakeRun, resumed_bitwise, train

QUICK = (
    "trainer.epochs=null",
    "trainer.steps=20",
    "trainer.evaluate_every_epochs=null",
    "trainer.evaluate_every_steps=10",
    "trainer.device=cpu",
    "data.batch_size=32",
    "data.limit=200",
)


def source(name: str) -> str:
    return load_recipe(name).source_text


def test_the_loss_of_clip_is_that_of_its_paper() -> None:
    logits = torch.randn(5, 5)
    own = torch.arange(5)
    rows = functional.cross_entropy(logits, own)
    columns = functional.cross_entropy(logits.T, own)
    assert torch.allclose(symmetric_cross_entropy(logits), (rows + columns) / 2)
    assert symmetric_cross_entropy(torch.zeros(8, 8)).item() == pytest.approx(math.log(8))


def test_the_loss_of_simclr_is_equation_1_of_its_paper() -> None:
    views, temperature = torch.randn(6, 4), 0.5
    unit = views / views.norm(dim=1, keepdim=True)
    terms = []
    for i in range(6):
        j = (i + 3) % 6
        alike = torch.exp(unit @ unit[i] / temperature)
        terms.append(-torch.log(alike[j] / (alike.sum() - alike[i])))
    loss, _ = nt_xent(views, temperature)
    assert torch.allclose(loss, torch.stack(terms).mean(), atol=1e-5)
    same, matched = nt_xent(torch.cat((torch.eye(4), torch.eye(4))), 0.1)
    assert matched == 1
    assert same < 0.01


def test_probes_read_classes_that_lie_apart() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[4.0, 0, 0], [0, 4, 0], [0, 0, 4]])
    classes = torch.arange(90) % 3
    probes = Probes(centres[classes] + torch.randn(90, 3) * 0.3, classes, 3, neighbours=5)
    seen = centres[classes] + torch.randn(90, 3) * 0.3
    assert torch.equal(probes.nearest(seen), classes)
    assert torch.equal(probes.linear(seen), classes)


def test_clip_digits_trains_and_answers_without_a_classifier(make_run: MakeRun) -> None:
    run = make_run(source("multimodal/clip-digits"), *QUICK)
    assert train(run) == 0
    assert read_status(run.path).metrics["val/zero_shot_accuracy"] > 0.15
    pairs = read_samples(sample_folders(run.samples, "pairs")[-1], "pairs")
    assert pairs is not None
    assert pairs["columns"] == ["picture", "truth", "nearest prompt"]
    assert len(pairs["rows"]) == len(pairs["good"]) == 20
    assert [row[1] == row[2] for row in pairs["rows"]] == pairs["good"]


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for number, name in enumerate(("red", "green", "blue")):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(10):
            pixels = random.integers(0, 90, (12, 12, 3), dtype=np.uint8)
            pixels[..., number] += 150
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "pictures"


def test_clip_learns_from_a_folder_of_pictures(make_run: MakeRun, colours: Path) -> None:
    run = make_run(
        source("multimodal/clip-digits"),
        *QUICK,
        f"data.path={colours}",
        "data.names=null",
        "data.size=8",
        "data.batch_size=8",
        "data.augment=[]",
    )
    assert train(run) == 0
    assert read_status(run.path).metrics["val/zero_shot_accuracy"] == 1


def test_the_landmark_clip_trains_on_a_folder_when_small(make_run: MakeRun, colours: Path) -> None:
    sizes = "width: 24, heads: 2, layers: 2, text_width: 16, text_heads: 2, text_layers: 2"
    run = make_run(
        source("landmarks/clip-vit-b-32"),
        *QUICK,
        f"data.path={colours}",
        "data.size=16",
        "data.batch_size=8",
        "data.workers=0",
        "data.split={train: 0.8, val: 0.2}",
        "scheduler.warmup.steps=5",
        f"model.params={{space: 8, patch: 8, vocab: 256, padding: 0, {sizes}}}",
    )
    assert train(run) == 0
    status = read_status(run.path)
    assert status.step == 20
    assert 0 <= status.metrics["val/zero_shot_accuracy"] <= 1
    assert np.isfinite(status.metrics["train/loss"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.names=[zero, one]", "10 classes and 2 names"),
        ("data.context=4", "tokens, and 4 fit"),
        ("data.templates=[digit]", "no place for the class's name"),
        ("model.outputs=[image_features, text_features]", "needs logits"),
        ("data={type: builtin, name: digits}", "learns from pairs"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(change: str, message: str) -> None:
    errors = describe_recipe("multimodal/clip-digits", [change])["errors"]
    assert any(message in error["message"] for error in errors), errors


@pytest.mark.parametrize("name", ["multimodal/clip-digits", "selfsupervised/simclr-digits"])
def test_a_run_goes_on_bitwise_from_the_middle(name: str, make_run: MakeRun) -> None:
    resumed_bitwise(lambda: make_run(source(name), *QUICK), 9)


def test_simclr_shows_its_views_and_is_judged_by_probes(make_run: MakeRun) -> None:
    run = make_run(source("selfsupervised/simclr-digits"), *QUICK)
    assert train(run) == 0
    metrics = read_status(run.path).metrics
    assert metrics["val/knn_accuracy"] > 0.6
    assert metrics["val/probe_accuracy"] > 0.6
    views = read_samples(sample_folders(run.samples, "pictures")[-1], "pictures")
    assert views is not None
    assert views["row_labels"] == ["picture", "one view", "another"]


def test_views_that_do_not_exist_are_refused(make_run: MakeRun) -> None:
    run = make_run(source("selfsupervised/simclr-digits"), *QUICK, "task.views=[spin]")
    assert train(run) == 2
    assert "task.views.0" in read_status(run.path).message
