"""The landmark transformers have the size of the originals, and shrink by their params."""

from __future__ import annotations

import pytest

from dltui.graph import shape_table
from dltui.recipe import load_recipe, shipped
from dltui.recipe.data_info import DataInfo


def _text(vocab: int, context: int) -> DataInfo:
    return DataInfo((context,), "int64", "token", vocab=vocab, context=context)


COUNTS = {
    "gpt2-small": (_text(50257, 1024), 124_439_808),
    "tinyllama-1.1b": (_text(32000, 2048), 1_100_048_384),
}
SMALL = {
    "gpt2-small": ("width=32", "heads=4", "layers=2"),
    "tinyllama-1.1b": ("width=32", "heads=4", "kv_heads=2", "hidden=48", "layers=2"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_landmark_has_as_many_parameters_as_the_original(name: str) -> None:
    info, count = COUNTS[name]
    rows = shape_table(load_recipe(f"landmarks/{name}"), info)
    assert sum(row.parameters for row in rows) == count
    listed = next(recipe for recipe in shipped() if recipe.name == f"landmarks/{name}")
    assert listed.parameters == count
    assert listed.expected
    assert listed.time


@pytest.mark.parametrize("name", SMALL)
def test_a_landmark_of_small_size_is_an_override_away(name: str) -> None:
    info = COUNTS[name][0]
    recipe = load_recipe(f"landmarks/{name}", [f"model.params.{size}" for size in SMALL[name]])
    blocks = {row.name.split(".")[0] for row in shape_table(recipe, info) if "block" in row.name}
    assert blocks == {"block0", "block1"}
