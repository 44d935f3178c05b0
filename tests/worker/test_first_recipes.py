"""The recipes that people start with train twenty steps; none of the shipped ones is left out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dltui.recipe import shipped
from tests.worker.test_image_recipes import trained

FIRST = {
    "basics/mlp-wine": "accuracy",
    "basics/mlp-digits": "accuracy",
    "basics/regression-diabetes": "mae",
    "vision/cnn-digits": "accuracy",
    "transfer/scratch-digits": "accuracy",
}


@pytest.mark.parametrize("name", FIRST)
def test_a_first_recipe_trains(name: str, tmp_path: Path) -> None:
    trained(name, tmp_path, metric=FIRST[name])


def test_the_recipe_for_a_table_trains_on_one_with_words_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    rows = [f"{n / 7:.2f},{n % 5},{'wet' if n % 3 else 'dry'},{'ab'[n % 2]}" for n in range(60)]
    path.write_text("\n".join(["height,leaves,ground,species", *rows]))
    trained("tabular/csv", tmp_path, f"data.path={path}", "data.target=species")


def test_every_shipped_recipe_is_named_where_recipes_are_trained() -> None:
    named = {
        node.value
        for path in Path(__file__).parent.rglob("test_*.py")
        if _trains(tree := ast.parse(path.read_text("utf-8")))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    families = tuple(text for text in named if text.count("/") == 1 and text[-1] in "/-")
    left_out = [
        recipe.name
        for recipe in shipped()
        if recipe.name not in named and not recipe.name.startswith(families)
    ]
    assert left_out == []


def _trains(tree: ast.Module) -> bool:
    """Whether a test module imports what trains a recipe."""
    return any(
        isinstance(node, ast.ImportFrom)
        and any(name.name in ("train", "trained", "trained_shortly") for name in node.names)
        for node in tree.body
    )
