"""`sweep:` what may be searched, checked before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dltui.errors import Problem
from dltui.recipe import Recipe
from dltui.recipe.reader import read_yaml
from dltui.recipe.space import Choice, Range, dimension, override, read_space
from dltui.recipe.tree import Problems, plain

Load = Callable[..., Recipe]
Refuse = Callable[..., list[Problem]]
SWEEP = "sweep:\n  space:\n"


def test_every_kind_of_range_is_read(load: Load, small: str) -> None:
    recipe = load(
        small + SWEEP + "    optimizer.lr: {loguniform: [1e-4, 0.1]}\n"
        "    optimizer.weight_decay: {uniform: [0, 0.5]}\n"
        "    data.batch_size: {int: [16, 64, 16]}\n"
        "    model.layers.1: {choice: [relu, gelu]}\n"
    )
    assert recipe.sweep is not None
    assert read_space(recipe.sweep.space) == {
        "optimizer.lr": Range("loguniform", 1e-4, 0.1),
        "optimizer.weight_decay": Range("uniform", 0, 0.5),
        "data.batch_size": Range("int", 16, 64, 16),
        "model.layers.1": Choice(("relu", "gelu")),
    }
    assert (recipe.sweep.metric, recipe.sweep.mode, recipe.sweep.sampler) == (None, "auto", "tpe")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("optimizer.lr: {lgouniform: [1e-4, 0.1]}", "did you mean `loguniform`?"),
        ("optimizer.lr: {uniform: [0.1, 0.01]}", "0.1 is not below 0.01"),
        ("optimizer.lr: {loguniform: [0, 0.1]}", "loguniform starts above 0, not at 0"),
        ("optimizer.lr: {uniform: 0.1}", "uniform takes a list, not 0.1"),
        ("optimizer.lr: {uniform: [0.1, x]}", "uniform takes numbers: [low, high]"),
        ("optimizer.lr: {uniform: [1, 2], int: [1, 2]}", "expected one of choice, uniform"),
        ("optimizer.lr: 0.1", "expected a map, not 0.1"),
        ("optimizer.lr: {choice: []}", "choice has nothing to choose from"),
        ("optimizer.lr: {choice: [0.1, 0.1]}", "choice lists 0.1 twice"),
        ("optimizer.rl: {uniform: [0.1, 1]}", "with optimizer.rl=0.1: unknown"),
        ("data.batch_size: {int: [0, 64]}", "with data.batch_size=0: expected a number of at"),
        ("data.batch_size: {int: [8, 64, 0]}", "the step of int is at least 1, not 0"),
        ("data.batch_size: {int: [8, 64.5]}", "int takes whole numbers: [low, high] or"),
        ("model.layers.7: {choice: [relu]}", "`model.layers` has 3 items"),
        ("model.layers.1: {choice: [relu, rleu]}", "with model.layers.1=rleu: unknown layer"),
        ("name: {choice: [a, b]}", "`name` is no setting of a training"),
    ],
)
def test_a_mistake_in_the_space_is_told_at_its_key(
    refuse: Refuse, small: str, line: str, message: str
) -> None:
    (problem,) = refuse(small + SWEEP + f"    {line}\n")
    assert message in problem.message
    assert problem.line == len(small.splitlines()) + 3
    assert problem.path == f"sweep.space.{line.partition(':')[0]}"


def test_a_grid_has_an_end(refuse: Refuse, small: str) -> None:
    (problem,) = refuse(
        small + "sweep: {sampler: grid, space: {optimizer.lr: {uniform: [0.1, 0.2]}}}\n"
    )
    assert "uniform has no end of values" in problem.message


def test_a_metric_that_nobody_measures_is_refused(refuse: Refuse, small: str) -> None:
    (problem,) = refuse(
        small + "sweep: {metric: val/mae, space: {optimizer.lr: {uniform: [0.1, 0.2]}}}\n"
    )
    assert problem.path == "sweep.metric"


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


DIFFERENT = st.lists(
    VALUES, min_size=1, max_size=5, unique_by=lambda value: json.dumps(value, sort_keys=True)
)


@given(DIFFERENT)
def test_a_choice_keeps_its_values_and_lists_none_twice(values: list[Any]) -> None:
    assert list(dimension({"choice": values}).ends) == values
    with pytest.raises(ValueError, match="twice"):
        dimension({"choice": [*values, values[0]]})


@given(st.integers(-1000, 1000), st.integers(1, 1000), st.integers(1, 100))
def test_whole_numbers_stay_between_their_ends(low: int, size: int, step: int) -> None:
    grid = dimension({"int": [low, low + size, step]}).grid
    assert grid is not None
    assert (grid[0], len(grid)) == (low, size // step + 1)
    assert low <= min(grid) <= max(grid) <= low + size


@given(VALUES)
@example("adamw")
@example("True")
@example("null")
@example("1e5")
def test_a_value_reaches_the_recipe_as_it_is(value: Any) -> None:
    key, _, text = override("optimizer.lr", value).partition("=")
    read = read_yaml(text, "x", Problems())
    assert read is not None
    assert (key, plain(read)) == ("optimizer.lr", value)
