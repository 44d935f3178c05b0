"""`extends` and overrides: one recipe over another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.errors import Problem, RecipeError
from dltui.recipe import Recipe, load_recipe
from dltui.recipe.nodes import Layer

Write = Callable[..., Path]
Load = Callable[..., Recipe]
Refuse = Callable[..., object]


def _problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return [str(problem) for problem in caught.value.problems]


def test_maps_are_merged_and_lists_are_replaced(write: Write, small: str) -> None:
    write(small + "metrics: [accuracy, f1]\ntrainer: {epochs: 3, seed: 7}\n", "base.yaml")
    child = load_recipe(write("extends: base.yaml\nmetrics: [recall]\ntrainer: {epochs: 9}\n"))
    assert (child.trainer.epochs, child.trainer.seed) == (9, 7)
    assert child.metrics == [("recall", {})]
    assert "extends" not in child.raw


def test_every_key_keeps_the_file_that_it_comes_from(write: Write, small: str) -> None:
    base = write(small + "trainer: {epochs: 3}\n", "base.yaml")
    path = write("extends: ./base.yaml\ntrainer:\n  seed: 7\n")
    child = load_recipe(path, ["trainer.threads=1"])
    assert child.where(("trainer", "epochs")) == (str(base), 9, 11)
    assert child.where(("trainer", "seed")) == (str(path), 3, 3)
    assert child.where(("trainer", "threads")) == ("<override>", 1, 1)


def test_a_mistake_in_the_extended_file_is_told_there(write: Write, small: str) -> None:
    base = write(small + "trainer: {epoch: 3}\n", "base.yaml")
    told = _problems(write("extends: base.yaml\nname: a\n"))
    assert told == [f"{base}:9:11: trainer.epoch: unknown key `epoch`; did you mean `epochs`?"]


def test_several_recipes_are_laid_over_each_other_in_order(write: Write, small: str) -> None:
    write(small, "a.yaml")
    write("trainer: {epochs: 4, seed: 1}\n", "b.yaml")
    child = load_recipe(write("extends: [a.yaml, b.yaml]\ntrainer: {seed: 2}\n"))
    assert (child.trainer.epochs, child.trainer.seed) == (4, 2)


def test_a_circle_is_refused(write: Write) -> None:
    write("extends: b.yaml\n", "a.yaml")
    path = write("extends: a.yaml\n", "b.yaml")
    assert any(
        "extend each other in a circle: b.yaml → a.yaml → b.yaml" in t for t in _problems(path)
    )


def test_a_recipe_cannot_extend_what_is_not_on_this_machine(write: Write) -> None:
    for name in ("https://example.org/a.yaml", "gone.yaml", "vision/no-such-recipe"):
        path = write(f"extends: {name}\n")
        assert _problems(path)[0].startswith(f"{path}:1:10: extends: ")


def test_relative_paths_start_at_the_file_that_names_them(write: Write) -> None:
    base = write("data: {type: csv, path: a.csv, target: y}\n", "deep/base.yaml")
    text = "extends: deep/base.yaml\nmodel: {layers: [{linear: 1}]}\ntask: {type: regress}\n"
    child = load_recipe(write(text))
    assert child.data.path == str(base.parent / "a.csv")


def test_a_path_in_an_override_starts_at_the_working_folder(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "data: {type: csv, path: a.csv, target: y}\n"
    path = write(
        f"{text}model: {{layers: [{{linear: 1}}]}}\ntask: {{type: regress}}\n", "in/r.yaml"
    )
    monkeypatch.chdir(tmp_path)
    assert load_recipe(path, ["data.path=b.csv"]).data.path == str(tmp_path / "b.csv")


@pytest.mark.parametrize("swapped", [False, True])
def test_another_type_drops_the_old_arguments_and_says_so(
    swapped: bool, load: Load, small: str
) -> None:
    base = small + "optimizer: {type: adamw, lr: 0.01, betas: [0.9, 0.95]}\n"
    overrides = ["optimizer.type=sgd", "optimizer.momentum=0.9"]
    recipe = load(base, overrides[::-1] if swapped else overrides)
    assert (recipe.optimizer.type, recipe.optimizer.lr) == ("sgd", 0.01)
    assert recipe.optimizer.args == {"momentum": 0.9}
    assert recipe.notes == ("optimizer.type is now sgd (was adamw): dropped betas",)


def test_another_data_type_keeps_the_batch_size(load: Load, small: str) -> None:
    base = small.replace("name: digits}", "name: digits, flat: true, batch_size: 7}")
    recipe = load(base, ["data={type: torchvision, name: mnist}"])
    assert (recipe.data.type, recipe.data.batch_size) == ("torchvision", 7)
    assert recipe.notes == ("data.type is now torchvision (was builtin): dropped flat",)


@pytest.mark.parametrize("override", ["model.from=torchvision/resnet18", "model={from: run/last}"])
def test_a_ready_made_network_takes_the_place_of_layers(
    override: str, load: Load, small: str
) -> None:
    recipe = load(small, [override])
    assert recipe.model.pretrained is not None
    assert recipe.model.layers == ()
    assert recipe.notes == ("model is now given by `from` (was `layers`): dropped layers",)


def test_an_extending_recipe_replaces_a_ready_made_network_by_layers(write: Write) -> None:
    base = "data: {type: folder, path: a}\ntask: {type: classify}\n"
    write(f"{base}model: {{from: torchvision/resnet18, freeze: [layer1]}}\n", "base.yaml")
    child = load_recipe(write("extends: base.yaml\nmodel: {layers: [flatten, {linear: 2}]}\n"))
    assert child.model.pretrained is None
    assert child.notes == ("model is now given by `layers` (was `from`): dropped from, freeze",)


def test_an_override_of_a_layer_replaces_it_whole(load: Load, small: str) -> None:
    first = load(small, ["model.layers.0={conv: {out: 3}}"]).model.layers[0]
    assert isinstance(first, Layer)
    assert (first.kind, first.args) == ("conv", {"out": 3})


def test_overrides_reach_into_lists_and_maps_and_make_sections(load: Load, small: str) -> None:
    overrides = ["model.layers.0.linear=16", "model.layers.1=gelu", "trainer.clip.norm=1", "about="]
    recipe = load(small, overrides)
    first, second, _ = recipe.model.layers
    assert (first.args, second.kind) == ({"out": 16}, "gelu")
    assert (recipe.trainer.clip.norm, recipe.about) == (1, "")
    assert recipe.overrides == tuple(overrides)


@pytest.mark.parametrize(
    ("override", "column", "message"),
    [
        ("trainer.epochs", 1, "is not of the form section.key=value"),
        ("=3", 1, "is not of the form section.key=value"),
        ("a..b=3", 1, "is not of the form section.key=value"),
        ("trainer.epoch=3", 1, "unknown key `epoch`; did you mean `epochs`?"),
        ("trainer.epochs=many", 16, "expected a number, not the text 'many'"),
        ("trainer={epochs: many}", 18, "expected a number, not the text 'many'"),
        ("trainer.epochs=[1", 18, "not valid YAML"),
        ("trainer.epochs=!x 1", 16, "tags (!x) are refused"),
        ("model.layers.7=relu", 1, "`model.layers` has 3 items; the last is number 2"),
        ("model.layers.first=relu", 1, "`model.layers` is a list: use a number"),
        ("name.a=relu", 1, "`name` is not a map or a list"),
        ("optimizr.lr=3", 1, "unknown section `optimizr`; did you mean `optimizer`?"),
    ],
)
def test_a_wrong_override_is_told_by_its_number_and_column(
    override: str, column: int, message: str, write: Write, small: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(small), ["trainer.seed=1", override])
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("<override>", 2, column)
    assert message in problem.message


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("optimizer.lr=x", 'override "optimizer.lr=x": '),
        ("optimizr.lr=3", 'override "optimizr.lr=3": optimizr: unknown section'),
        ("trainer.epochs", 'override "trainer.epochs": '),
    ],
)
def test_a_wrong_override_is_shown_as_it_was_typed(
    override: str, shown: str, write: Write, small: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(small), ["trainer.seed=1", override])
    assert str(caught.value).startswith(shown)
    assert "<override>" not in str(caught.value)
    plain = caught.value.problems[0].as_json()
    assert (plain["file"], plain["line"]) == ("<override>", 2)
    assert str(Problem.from_json(plain)) == str(caught.value)


def test_problems_of_a_section_set_by_an_override_name_it_too(write: Write, small: str) -> None:
    recipe = load_recipe(write(small), ["trainer.device=cpu"])
    found = recipe.problem(("trainer", "device"), "not here")
    assert str(found) == 'override "trainer.device=cpu": not here'


def test_a_recipe_that_is_not_there_is_told_by_its_name() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("vision/cnn-digit")
    assert str(caught.value).startswith("vision/cnn-digit: there is no file `vision/cnn-digit`")
    assert caught.value.problems[0].line == 1
