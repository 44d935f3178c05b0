"""A model that does not fit is refused at its own line, with the layer and the shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dltui.errors import RecipeError
from dltui.graph import shape_table
from dltui.recipe.data_info import DataInfo

Write = Callable[..., Any]


def test_add_of_unequal_shapes_names_both_at_its_line_and_column(
    write: Write, cifar: DataInfo
) -> None:
    recipe = write(
        """
        model:
          layers:
            - {name: small, conv: {out: 128, stride: 2}}
            - {name: large, conv: 128, in: input}
            - add: {}
              in: [small, large]
            - gap
            - linear: 10
        """
    )
    with pytest.raises(RecipeError) as caught:
        shape_table(recipe, cifar)
    (problem,) = caught.value.problems
    assert problem.message == "add cannot take (2,128,16,16) and (2,128,32,32)"
    line = recipe.source_text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith("add")
    assert problem.path == "model.layers.2"


@pytest.mark.parametrize(
    ("layers", "at", "message"),
    [
        ("[flatten, {conv: 4}]", "conv", r"conv cannot take \(2,64\): it needs \(N, C, L\)"),
        ("[{conv: {out: 4, groups: 3}}]", "groups", "3 groups must divide the 1 input and 4"),
        ("[{conv: {out: 4, kernel: [3, 3, 3]}}]", "kernel", "kernel has 3 numbers"),
        ("[{max_pool: 9}, gap]", "max_pool", r"max_pool cannot take \(2,1,8,8\)"),
        ("[flatten, {linear: $(data.classes - 11)}]", "linear", "linear.out must be at least 1"),
        ("[flatten, {linear: $(1 / 0)}]", "linear", "divides by zero"),
        ("[flatten, {linear: $(data.vocab)}]", "linear", "data.vocab"),
        ("[{attention: 3}]", "attention", r"it needs \(N, T, D\)"),
        ("[{residual: [{conv: 4}]}]", "residual", "shortcut: project"),
        ("[flatten, {linear: 7}]", "linear", r"gives \(N,7\), but .* classify needs \(N,10\)"),
        ("[{name: train, conv: 4}]", "train", "means something to every torch module"),
        ("[{embedding: 8}]", "embedding", "this data has no vocabulary"),
        ("[{reshape: [5, 5]}]", "reshape", r"reshape cannot take \(2,1,8,8\)"),
        ("[{repeat: $(0.5), layers: [relu]}]", "repeat", "repeat must be a whole number"),
        ("[{upsample: {mode: linear}}]", "mode", r"needs \(N, C, L\)"),
        ("[{patch_embed: {dim: 8, patch: 3}}]", "patch", "do not tile 8×8"),
    ],
)
def test_misfits_are_told_at_their_own_place(
    layers: str, at: str, message: str, write: Write, digits: DataInfo
) -> None:
    recipe = write(f"model:\n  layers: {layers}")
    with pytest.raises(RecipeError, match=message) as caught:
        shape_table(recipe, digits)
    (problem,) = caught.value.problems
    line = recipe.source_text.splitlines()[problem.line - 1]
    assert at in line[problem.column - 1 :]
    assert problem.line == len(recipe.source_text.splitlines())


def test_a_mistake_inside_a_block_is_told_where_the_block_is_written(
    write: Write, cifar: DataInfo
) -> None:
    recipe = write(
        """
        model:
          blocks:
            down:
              layers:
                - max_pool
          layers:
            - repeat: 6
              layers: [down]
        """
    )
    with pytest.raises(RecipeError) as caught:
        shape_table(recipe, cifar)
    (problem,) = caught.value.problems
    assert "max_pool cannot take (2,3,1,1)" in problem.message
    assert "max_pool" in recipe.source_text.splitlines()[problem.line - 1]


def test_init_rules_that_fill_nothing_are_refused(write: Write, digits: DataInfo) -> None:
    layers = "layers: [flatten, {linear: 10}]"
    for rule, message in (
        ('{match: "conv*", init: zeros}', r"no parameter matches 'conv\*'"),
        ('{match: "*.bias", init: he_normal}', "two or more dimensions"),
    ):
        with pytest.raises(RecipeError, match=message):
            shape_table(write(f"model:\n  {layers}\n  init:\n    - {rule}"), digits)
