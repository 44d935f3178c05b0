"""Every shipped recipe compiles, and says of itself what is true."""

from __future__ import annotations

import pytest
import torch

from dltui.graph import compile_model, shape_table
from dltui.recipe import load_recipe, shipped
from dltui.recipe.data_info import DataInfo

INFOS = {
    "basics/mlp-wine": DataInfo((13,), "float32", "class", classes=3),
    "basics/mlp-breast-cancer": DataInfo((30,), "float32", "class", classes=2),
    "recurrent/plain-rnn": DataInfo((64,), "float32", "class", classes=10),
    "recurrent/lstm": DataInfo((64,), "float32", "class", classes=10),
    "basics/mlp-digits": DataInfo((64,), "float32", "class", classes=10),
    "basics/regression-diabetes": DataInfo((10,), "float32", "value", targets=1),
    "vision/cnn-digits": DataInfo((1, 8, 8), "float32", "class", classes=10),
    "vision/lenet-mnist": DataInfo((1, 28, 28), "float32", "class", classes=10),
    "vision/cnn-fashion-mnist": DataInfo((1, 28, 28), "float32", "class", classes=10),
    "vision/resnet18-cifar10": DataInfo((3, 32, 32), "float32", "class", classes=10),
    "vision/images-folder": DataInfo((3, 128, 128), "float32", "class", classes=2),
    "vision/vgg-cifar10": DataInfo((3, 32, 32), "float32", "class", classes=10),
    "vision/cifar10-speed": DataInfo((3, 32, 32), "float32", "class", classes=10),
    "vision/resnet-cifar100": DataInfo((3, 32, 32), "float32", "class", classes=100),
    "vision/efficientnet-imagenet-folder": DataInfo(
        (3, 224, 224), "float32", "class", classes=1000
    ),
    "transfer/vit-lora-folder": DataInfo((3, 224, 224), "float32", "class", classes=2),
    "vision/unet-shapes": DataInfo((3, 64, 64), "float32", "mask", classes=4),
    "vision/deeplab-voc": DataInfo((3, 64, 64), "float32", "mask", classes=21),
    "vision/detector-shapes": DataInfo((3, 64, 64), "float32", "boxes", classes=3),
    "vision/centernet-voc": DataInfo((3, 64, 64), "float32", "boxes", classes=20),
    "vision/centernet-coco": DataInfo((3, 64, 64), "float32", "boxes", classes=80),
    "audio/ctc-dial-tones": DataInfo((1, 6561), "float32", "sequence", vocab=16),
    "audio/wav-folder": DataInfo((1, 16000), "float32", "class", classes=35),
    "landmarks/unet": DataInfo((1, 64, 64), "float32", "mask", classes=2),
    "landmarks/lenet5": DataInfo((1, 28, 28), "float32", "class", classes=10),
    **{
        f"landmarks/{name}": DataInfo((3, 224, 224), "float32", "class", classes=1000)
        for name in ("alexnet", "vgg16", "resnet18", "resnet50", "efficientnet-b0", "vit-b-16")
    },
    "landmarks/dcgan": DataInfo((3, 64, 64), "float32", "class", classes=2),
    **{
        name: DataInfo((1, 8, 8), "float32", "class", classes=10)
        for name in (
            "autoencoders/ae-digits",
            "autoencoders/vae-digits",
            "autoencoders/vqvae-digits",
            "gans/dcgan-digits",
            "gans/wgan-gp-digits",
            "gans/conditional-digits",
        )
    },
    **{
        f"series/{name}": DataInfo(
            (context, 1), "float32", "series", targets=1, context=context, horizon=horizon
        )
        for name, context, horizon in (
            ("lstm-sunspots", 22, 3),
            ("transformer-sunspots", 22, 3),
            ("gru-mackey-glass", 40, 12),
            ("lstm-csv", 48, 12),
        )
    },
    "tabular/csv": DataInfo((7,), "float32", "class", classes=2),
    "language/gpt-pydoc": DataInfo((128,), "int64", "token", vocab=103, context=128),
    "language/llama-pydoc": DataInfo((128,), "int64", "token", vocab=103, context=128),
    "language/char-rnn": DataInfo((128,), "int64", "token", vocab=103, context=128),
    **{
        f"language/{name}": DataInfo((128,), "int64", "class", classes=8, vocab=3000, context=128)
        for name in ("text-classification", "bag-of-words")
    },
    "language/bert-pydoc": DataInfo((64,), "int64", "token", vocab=105, context=64),
    "language/gpt-text": DataInfo((256,), "int64", "token", vocab=90, context=256),
}


def test_the_recipes_of_the_list_are_shipped() -> None:
    assert set(INFOS) <= {recipe.name for recipe in shipped()}


@pytest.mark.parametrize("name", sorted(INFOS))
def test_shipped_recipe_has_the_parameters_and_facts_of_its_header(name: str) -> None:
    listed = next(recipe for recipe in shipped() if recipe.name == name)
    assert listed.error is None
    assert listed.about
    assert listed.expected
    assert listed.time
    rows = shape_table(load_recipe(name), INFOS[name])
    if listed.parameters is not None:
        assert sum(row.parameters for row in rows) == listed.parameters


@pytest.mark.parametrize("name", ["vision/cnn-digits", "language/gpt-pydoc"])
def test_an_untrained_network_starts_at_chance(name: str) -> None:
    info = INFOS[name]
    torch.manual_seed(0)
    model = compile_model(load_recipe(name), info).train()
    classes = info.classes or info.vocab or 0
    example = (
        torch.randint(classes, (8, *info.shape))
        if info.dtype == "int64"
        else torch.randn(64, *info.shape)
    )
    logits = model(example).flatten(0, -2)
    targets = torch.randint(classes, (len(logits),))
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    assert loss == pytest.approx(torch.tensor(float(classes)).log().item(), rel=0.08)
