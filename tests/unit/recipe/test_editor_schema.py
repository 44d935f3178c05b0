"""The JSON Schema: valid itself, fits right recipes, and refuses the obvious mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dltui.recipe import json_schema, load_recipe, shipped
from dltui.recipe.reader import read_yaml
from dltui.recipe.tree import Problems, plain

_RIGHT = """\
dltui: 1
name: resnet
plugins: [mine.py]
data: {type: builtin, name: digits, augment: [{crop: 1}, hflip, {mixup: {alpha: 0.4}}]}
model:
  blocks:
    basic:
      params: {out: 64, stride: 1}
      layers:
        - shortcut: project
          residual: [{conv: {out: $(out), stride: $(stride), bias: false}}, bn, relu]
        - relu
  inputs: [x]
  layers:
    - conv: {out: 64, kernel: [3, 3]}
    - {for: {out: [64, 128]}, name: stage, layers: [{basic: {out: $(out)}}]}
    - {repeat: 2, layers: [mine, {mine: 3}]}
    - {add: , in: [x, stage], name: joined}
    - use: joined
    - linear: $(data.classes)
  init: [{match: "*.weight", init: he_normal, mode: fan_out}]
task: {type: classify, loss: {type: cross_entropy, label_smoothing: 0.1}}
optimizer: {type: sgd, lr: 1e-1, momentum: 0.9, groups: [{match: "*.bias", weight_decay: 0}]}
scheduler: {type: cosine, warmup: {epochs: 1}}
trainer: {epochs: 3, clip: {norm: 1}}
metrics: [accuracy, {top_k: 3}]
callbacks: [{type: mine, every: 3}]
sweep:
  sampler: random
  space: {optimizer.lr: {loguniform: [1e-3, 1]}, model.layers.0: {choice: [relu, {linear: 3}]}}
"""


def _data(text: str) -> Any:
    problems = Problems()
    entry = read_yaml(text, "test", problems)
    assert entry is not None
    assert not problems
    return plain(entry)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def _mistakes(schema: dict[str, Any], text: str) -> list[str]:
    found = Draft202012Validator(schema).iter_errors(_data(text))
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_it_is_a_valid_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_right_recipe_fits(schema: dict[str, Any]) -> None:
    assert _mistakes(schema, _RIGHT) == []


def test_a_recipe_that_extends_another_may_leave_out_anything(schema: dict[str, Any]) -> None:
    assert _mistakes(schema, "extends: vision/tiny\ndata: {batch_size: 3}\n") == []
    assert _mistakes(schema, "name: a\n") == [""]


@pytest.mark.parametrize(
    ("right", "wrong", "path"),
    [
        ("name: resnet", "nmae: resnet", ""),
        ("name: digits", "name: digitz", "data"),
        ("momentum: 0.9", "momentun: 0.9", "optimizer"),
        ("momentum: 0.9", "betas: [0.9, 0.99]", "optimizer"),
        ("epochs: 3, clip", "epochs: many, clip", "trainer"),
        ("[accuracy,", "[acuracy,", "metrics"),
        ("kernel: [3, 3]", "kernal: 3", "model"),
        ("linear: $(data.classes)", "linear: many", "model"),
        ("{crop: 1}", "{crop: {padding: far}}", "data"),
        ("init: he_normal", "init: she_normal", "model"),
        ("sampler: random", "sampler: randon", "sweep"),
        ("{loguniform: [1e-3, 1]}", "{loguniform: 1}", "sweep"),
        ("{loguniform: [1e-3, 1]}", "{lognormal: [1e-3, 1]}", "sweep"),
    ],
)
def test_mistakes_are_seen_in_the_editor(
    right: str, wrong: str, path: str, schema: dict[str, Any]
) -> None:
    assert right in _RIGHT
    found = _mistakes(schema, _RIGHT.replace(right, wrong))
    assert found
    assert all(place.startswith(path) for place in found)


def test_layers_and_their_meaning_are_offered(schema: dict[str, Any]) -> None:
    offered = schema["$defs"]["layer_map"]["properties"]
    assert {"conv", "linear", "residual", "repeat"} <= offered.keys()
    assert offered["linear"]["description"]


@pytest.mark.parametrize("name", [listed.name for listed in shipped()])
def test_every_shipped_recipe_fits(name: str, schema: dict[str, Any]) -> None:
    recipe = load_recipe(name)
    assert list(Draft202012Validator(schema).iter_errors(_data(recipe.source_text))) == []
