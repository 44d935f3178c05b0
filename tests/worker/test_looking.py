"""What a run's network makes of one example: figures by layer, and pictures of where it looks."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dltui.errors import DataError, StoreError
from dltui.graph import compile_model
from dltui.recipe import load_recipe
from dltui.runs import RunFolder, pointed
from dltui.worker.data import open_data
from dltui.worker.looking import look, main
from tests.worker.conftest import DIGITS, MakeRun, train
from tests.worker.test_attention_maps import GPT


@pytest.fixture
def trained(make_run: MakeRun) -> RunFolder:
    folder = make_run(DIGITS, "trainer.epochs=1")
    assert train(folder) == 0
    return folder


def test_activations_saliency_and_grad_cam_of_a_picture(trained: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    found = look(trained.path, out, None, None, 3)
    assert (found["part"], found["example"]["index"]) == ("val", 3)
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert [layer["type"] for layer in found["layers"]][:3] == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert layers["relu"]["min"] == 0.0
    assert layers["relu"]["zeros"] > 0
    assert layers["linear"]["shape"] == [1, 10]
    guesses = found["prediction"]
    assert [guess["probability"] for guess in guesses] == sorted(
        (guess["probability"] for guess in guesses), reverse=True
    )
    assert [picture["kind"] for picture in found["pictures"]] == ["input", "saliency", "grad_cam"]
    saliency = pixels_of(out / found["pictures"][1]["file"]) / 255
    np.testing.assert_allclose(saliency, gradient(trained, 3), atol=0.01)
    assert pixels_of(out / found["pictures"][2]["file"]).shape == (8, 8)
    assert found["pictures"][2]["layer"] == "dropout"


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture, np.float64)


def gradient(trained: RunFolder, index: int) -> np.ndarray:
    """|∂ largest score / ∂ pixel| by plain torch, the largest 1."""
    recipe = load_recipe(trained.resolved)
    data = open_data(recipe, seed=recipe.trainer.seed, device="cpu")
    model = compile_model(recipe, data.info).eval()
    checkpoint = pointed(trained.checkpoints, "latest")
    assert checkpoint is not None
    model.load_state_dict(torch.load(checkpoint / "model.pt", weights_only=True))
    assert data.val is not None
    batch = next(one for b in data.val.epoch(0) for one in b.split(1) if one.indices[0] == index)
    inputs = batch.inputs.clone().requires_grad_()
    model(inputs).max().backward()
    found = inputs.grad[0].abs().amax(0)
    return (found / found.amax()).numpy()


def test_what_attention_looks_at(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(GPT)
    assert train(folder) == 0
    found = look(folder.path, tmp_path, None, "train", 0)
    maps = [picture for picture in found["pictures"] if picture["kind"] == "attention"]
    assert [picture["head"] for picture in maps] == [0, 1, 0, 1]
    assert len({picture["layer"] for picture in maps}) == 2
    pixels = pixels_of(tmp_path / maps[0]["file"])
    assert pixels.shape == (24, 24)
    assert not np.triu(pixels, 1).any()
    assert pixels.any(1).all()
    assert found["prediction"] is None
    names = [layer["name"] for layer in found["layers"]]
    assert len(names) == len(set(names)), "each layer runs once"


def test_what_is_not_there_is_refused(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="no example 5,000"):
        look(trained.path, tmp_path, None, None, 5000)
    with pytest.raises(DataError, match="no part 'night'"):
        look(trained.path, tmp_path, None, "night", 0)
    with pytest.raises(StoreError, match="no checkpoint at step 7"):
        look(trained.path, tmp_path, 7, None, 0)
    assert main([str(trained.path), str(tmp_path), "--step", "7"]) == 2
    assert "no checkpoint at step 7" in capsys.readouterr().err
    assert main([str(trained.path), str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == trained.id
