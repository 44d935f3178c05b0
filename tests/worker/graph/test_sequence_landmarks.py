"""The landmark transformers have the size of the originals, and shrink by their params."""

from __future__ import annotations

import pytest

from dltui.graph import shape_table
from dltui.recipe import load_recipe, shipped
from dltui.recipe.data_info import DataInfo, InputInfo


def _text(vocab: int, context: int) -> DataInfo:
    return DataInfo((context,), "int64", "token", vocab=vocab, context=context)


PAIRS = DataInfo(
    (3, 224, 224),
    "float32",
    "class",
    vocab=49408,
    inputs=(InputInfo("image", (3, 224, 224), "float32"), InputInfo("text", (77,), "int64")),
)
COUNTS = {
    "gpt2-small": (_text(50257, 1024), 124_439_808),
    "tinyllama-1.1b": (_text(32000, 2048), 1_100_048_384),
    # 109,482,240 with the pooler, and 622,650 of the head for masked tokens
    "bert-base": (_text(30522, 512), 110_104_890),
    "t5-small": (_text(32128, 512), 60_506_624),
    "clip-vit-b-32": (PAIRS, 151_277_313),
}
SMALL = {
    "gpt2-small": ("width=32", "heads=4", "layers=2"),
    "tinyllama-1.1b": ("width=32", "heads=4", "kv_heads=2", "hidden=48", "layers=2"),
    "bert-base": ("width=32", "heads=4", "layers=2"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_landmark_has_as_many_parameters_as_the_original(name: str) -> None:
    info, count = COUNTS[name]
    rows = shape_table(load_recipe(f"landmarks/{name}"), info)
    assert sum(row.parameters for row in rows) == count


def test_berts_encoder_and_pooler_are_the_papers() -> None:
    rows = shape_table(load_recipe("landmarks/bert-base"), COUNTS["bert-base"][0])
    head = [row for row in rows if row.name.split(".")[0] in ("head", "logits")]
    own = sum(row.parameters for row in rows) - sum(row.parameters for row in head)
    assert own == 109_482_240


@pytest.mark.parametrize("name", COUNTS)
def test_a_landmarks_header_is_true(name: str) -> None:
    listed = next(recipe for recipe in shipped() if recipe.name == f"landmarks/{name}")
    assert listed.parameters == COUNTS[name][1]
    assert listed.expected
    assert listed.time


@pytest.mark.parametrize("name", SMALL)
def test_a_landmark_of_small_size_is_an_override_away(name: str) -> None:
    info = COUNTS[name][0]
    recipe = load_recipe(f"landmarks/{name}", [f"model.params.{size}" for size in SMALL[name]])
    blocks = {row.name.split(".")[0] for row in shape_table(recipe, info) if "block" in row.name}
    assert blocks == {"block0", "block1"}
