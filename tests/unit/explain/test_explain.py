"""Every thing a beginner can point at has an explanation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dltui import explain
from dltui.errors import UsageError
from dltui.recipe import load_recipe, shipped
from dltui.recipe.tasks import METRICS


@pytest.mark.parametrize("recipe", shipped(), ids=lambda recipe: recipe.name)
def test_every_shipped_recipe_is_explained_by_its_architecture_and_task(recipe) -> None:
    text = explain.for_recipe(load_recipe(recipe.name))
    assert text.startswith(f"*{recipe.about}*")
    assert explain.text(f"task/{recipe.task}") in text
    assert "**What to watch:**" in text


@pytest.mark.parametrize(
    ("recipe", "title"),
    [
        ("basics/mlp-wine", "# Multilayer perceptron"),
        ("basics/regression-diabetes", "# Predicting numbers"),
        ("vision/cnn-digits", "# Convolutional network"),
        ("vision/resnet18-cifar10", "# Residual network"),
        ("vision/images-folder", "# Transfer learning"),
        ("vision/efficientnet-imagenet-folder", "# Transfer learning"),
        ("vision/vgg-cifar10", "# Convolutional network"),
        ("vision/cifar10-speed", "# Residual network"),
        ("landmarks/lenet5", "# Convolutional network"),
        ("landmarks/resnet50", "# Residual network"),
        ("landmarks/efficientnet-b0", "# Mobile network"),
        ("landmarks/vit-b-16", "# Vision transformer"),
        ("vision/unet-shapes", "# U-Net"),
        ("landmarks/unet", "# U-Net"),
        ("tabular/csv", "# Your own table"),
        ("autoencoders/vqvae-digits", "# Autoencoder"),
        ("autoencoders/vae-digits", "# Variational autoencoder"),
        ("gans/wgan-gp-digits", "# Generative adversarial network"),
        ("landmarks/dcgan", "# Generative adversarial network"),
        ("graph/message-passing", "# Message passing"),
        ("graph/deep-sets", "# Network for sets"),
        ("recurrent/plain-rnn", "# Recurrent network"),
        ("series/lstm-sunspots", "# Recurrent network"),
        ("series/transformer-sunspots", "# Time-series transformer"),
        ("language/gpt-pydoc", "# Transformer (GPT)"),
        ("landmarks/gpt2-small", "# Transformer (GPT)"),
        ("landmarks/tinyllama-1.1b", "# Transformer (Llama)"),
        ("landmarks/bert-base", "# Transformer encoder (BERT)"),
        ("landmarks/t5-small", "# Encoder and decoder (T5)"),
        ("language/bert-pydoc", "# Transformer encoder (BERT)"),
        ("language/t5-reverse", "# Encoder and decoder (T5)"),
        ("language/llama-pydoc", "# Transformer (Llama)"),
        ("language/text-classification", "# Transformer encoder (BERT)"),
        ("language/bag-of-words", "# Bag of words"),
        ("language/char-rnn", "# Recurrent network (RNN, LSTM, GRU)"),
    ],
)
def test_recipes_are_known_by_what_they_are(recipe: str, title: str) -> None:
    assert title in explain.for_recipe(load_recipe(recipe))


def test_every_metric_has_a_text() -> None:
    for metric in METRICS:
        assert explain.text(f"metric/{metric}").startswith("# ")


@pytest.mark.parametrize(
    "topic", ["loss", "gradient norms", "confusion-matrix", "System", "gpt", "vgg", "unet"]
)
def test_topics_are_found_by_their_bare_names(topic: str) -> None:
    assert len(explain.text(topic)) > 200


def test_a_topic_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="pane/loss"):
        explain.text("pane/astrology")


def test_all_topics_have_a_title_and_a_body() -> None:
    assert len(explain.topics()) > 50
    for topic in explain.topics():
        title, _, body = explain.text(topic).partition("\n\n")
        assert title.startswith("# ")
        assert len(body) > 40


def test_explanations_need_no_torch() -> None:
    code = (
        "import sys; from dltui import explain; explain.text('loss'); print('torch' in sys.modules)"
    )
    root = Path(explain.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "False"
