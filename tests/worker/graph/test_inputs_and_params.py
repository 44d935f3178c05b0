"""Models of several unlike inputs, and sizes by name that an override changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dltui.errors import RecipeError
from dltui.graph import compile_model, shape_table
from dltui.recipe import load_recipe
from dltui.recipe.data_info import DataInfo, InputInfo

Write = Callable[..., Any]

SIZED = """
dltui: 1
name: sized
data: {type: builtin, name: digits}
model:
  params: {width: 32, hidden: $(4 * width), act: relu}
  blocks:
    wide:
      params: {out: $(width)}
      layers: [{linear: $(out)}, {mlp: {hidden: $(hidden), activation: $(act)}}]
  layers: [flatten, {repeat: 2, layers: [wide]}, {linear: $(data.classes)}]
task: {type: classify}
trainer: {epochs: 1}
"""


def test_an_override_of_one_param_changes_every_size_that_follows_from_it(
    tmp_path: Path, digits: DataInfo
) -> None:
    file = tmp_path / "sized.yaml"
    file.write_text(SIZED)
    wide = shape_table(load_recipe(file), digits)
    narrow = shape_table(load_recipe(file, ["model.params.width=8"]), digits)
    assert [row.parameters for row in wide[1:3]] == [64 * 32 + 32, 2 * 32 * 128 + 128 + 32]
    assert [row.parameters for row in narrow[1:3]] == [64 * 8 + 8, 2 * 8 * 32 + 32 + 8]


def test_params_that_are_not_there_or_no_map_are_refused_at_their_place(write: Write) -> None:
    with pytest.raises(RecipeError, match="unknown name `widht`; did you mean `width`"):
        write("model: {params: {width: 8}, layers: [flatten, {linear: $(widht)}]}")
    with pytest.raises(RecipeError, match="expected a map of numbers and texts"):
        write("model: {params: [8], layers: [flatten, {linear: 10}]}")
    with pytest.raises(RecipeError, match="`in-put` cannot name a parameter"):
        write("model: {params: {in-put: 8}, layers: [flatten, {linear: 10}]}")


def test_each_named_input_has_its_own_shape_and_type(write: Write) -> None:
    recipe = write(
        """
        model:
          inputs: [image, text]
          layers:
            - {name: words, embedding: 6, in: text}
            - {name: said, mean: 1}
            - {name: seen, flatten: {}, in: image}
            - {cat: {}, in: [seen, said]}
            - linear: 10
        """
    )
    text = InputInfo("text", (5,), "int64")
    info = DataInfo((1, 8, 8), "float32", "class", classes=10, vocab=20, inputs=(text,))
    rows = {row.name: row for row in shape_table(recipe, info)}
    assert rows["cat"].output == [64 + 6]
    model = compile_model(recipe, info)
    image, words = torch.rand(3, 1, 8, 8), torch.randint(20, (3, 5))
    assert model({"text": words, "image": image}).shape == (3, 10)
