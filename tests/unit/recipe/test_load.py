"""A good recipe is read as it was written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from dltui.recipe import Recipe, load_recipe
from dltui.recipe.nodes import Expression, For, Layer, Residual
from dltui.recipe.reader import read_yaml
from dltui.recipe.tree import Problems, plain

Write = Callable[..., Path]
Load = Callable[..., Recipe]

RESNET = """\
name: resnet
data: {type: builtin, name: digits, augment: [{crop: 1}, hflip]}
model:
  blocks:
    basic:
      params: {out: 64, stride: 1}
      layers:
        - shortcut: project
          residual: [{conv: {out: $(out), stride: $(stride), bias: false}}, bn, relu]
        - relu
  layers:
    - conv: {out: 64, bias: false}
    - for: {out: [64, 128], stride: [1, 2]}
      name: stage
      layers: [{basic: {out: $(out), stride: $(stride)}}, {basic: {out: $(out)}}]
    - gap
    - linear: $(data.classes)
task: {type: classify}
optimizer: {type: sgd, lr: 1e-1, momentum: 0.9, groups: [{match: "*.bias", weight_decay: 0}]}
"""


def test_a_small_recipe_has_the_documented_defaults(load: Load, small: str) -> None:
    recipe = load(small)
    assert (recipe.name, recipe.data.batch_size, recipe.trainer.epochs) == ("small", 64, 10)
    assert (recipe.optimizer.type, recipe.optimizer.lr) == ("adamw", 1e-3)
    assert recipe.scheduler.type == "constant"
    assert [name for name, _ in recipe.metrics] == ["accuracy", "confusion_matrix"]


def test_layers_become_nodes_with_their_main_argument_named(load: Load, small: str) -> None:
    first, _, last = load(small).model.layers
    assert isinstance(first, Layer)
    assert (first.kind, first.args) == ("linear", {"out": 32})
    assert isinstance(last, Layer)
    path = ("model", "layers", 2, "linear")
    assert last.args == {"out": Expression("$(data.classes)", path)}


def test_blocks_residuals_and_loops_keep_their_structure(load: Load) -> None:
    model = load(RESNET).model
    loop = model.layers[1]
    assert isinstance(loop, For)
    assert (loop.name, loop.variables) == ("stage", {"out": [64, 128], "stride": [1, 2]})
    residual = model.blocks["basic"].body[0]
    assert isinstance(residual, Residual)
    assert (residual.shortcut, len(residual.body)) == ("project", 3)
    assert model.blocks["basic"].params == {"out": 64, "stride": 1}


def test_optimizer_arguments_stand_beside_type_and_lr(load: Load) -> None:
    optimizer = load(RESNET).optimizer
    assert (optimizer.type, optimizer.lr, optimizer.args) == ("sgd", 0.1, {"momentum": 0.9})
    assert optimizer.groups == [{"match": "*.bias", "weight_decay": 0}]


def test_every_key_knows_its_file_line_and_column(write: Write) -> None:
    path = write(RESNET)
    recipe = load_recipe(path)
    assert recipe.where(("model", "layers", 3, "linear")) == (str(path), 17, 7)
    assert recipe.where(("model", "layers", 3, "linear", "bias")) == (str(path), 17, 7)
    problem = recipe.problem(("data", "augment", 0), "too large")
    assert str(problem) == f"{path}:2:47: data.augment.0: too large"


def test_the_resolved_recipe_reads_back_equal_from_another_folder(
    write: Write, tmp_path: Path
) -> None:
    recipe = load_recipe(write(RESNET), ["trainer.epochs=3", "about='a: b # c'"])
    moved = tmp_path / "runs" / "resolved.yaml"
    moved.parent.mkdir()
    moved.write_text(recipe.resolved_yaml(), "utf-8")
    again = load_recipe(moved)
    assert again == recipe
    assert again.hash() == recipe.hash()


def test_recipes_that_differ_have_different_hashes(load: Load, small: str) -> None:
    assert load(small).hash() != load(small, ["trainer.seed=1"]).hash()


def test_names_inside_groups_are_seen_after_them_and_numbered_inputs_inside(load: Load) -> None:
    recipe = load(
        """\
data: {type: builtin, name: digits}
task: {type: classify}
model:
  blocks:
    join: {layers: [{add: , in: [input, input1]}]}
  layers:
    - {name: stem, layers: [{linear: 32, name: wide}, {linear: 16, name: thin}]}
    - {linear: 32, name: wide}
    - {join: , in: [stem.wide, wide]}
    - {use: thin}
    - for: {out: $(data.classes)}
      layers: [relu]
"""
    )
    assert [node.inputs for node in recipe.model.layers[:3]] == [None, None, ("stem.wide", "wide")]


def test_importing_the_room_imports_neither_yaml_nor_pydantic() -> None:
    code = "import sys, dltui.recipe as r; r.shipped(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(ran.stdout.split())
    assert "dltui.recipe.library" in modules
    assert not {"pydantic", "ruamel.yaml", "torch", "numpy", "textual"} & modules


def test_numbers_and_words_are_those_of_yaml_1_2(load: Load, small: str) -> None:
    text = small + ("optimizer: {lr: 1e-3, weight_decay: .5}\nabout: off\n")
    recipe = load(text)
    assert (recipe.optimizer.lr, recipe.optimizer.args) == (1e-3, {"weight_decay": 0.5})
    assert recipe.about == "off"
    read = read_yaml("[012, 0x10, 1_000, 2020-01-01, yes, ~, 'null', +3]", "a.yaml", Problems())
    assert read is not None
    assert plain(read) == [12, "0x10", "1_000", "2020-01-01", "yes", None, "null", 3]


def test_tabs_inside_texts_are_kept(load: Load, small: str) -> None:
    assert load(small + "about: 'a\tb' # \tc\n").about == "a\tb"
    assert load(small + "about: |\n  a\tb\n").about == "a\tb\n"
