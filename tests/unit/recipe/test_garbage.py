"""Whatever a file holds, the answer is a recipe or a RecipeError, and soon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltui.errors import RecipeError
from dltui.recipe import Recipe, load_recipe, parse_recipe
from dltui.recipe.reader import read_yaml
from dltui.recipe.tree import Problems, plain
from dltui.recipe.writer import write_yaml

_SOON = settings(
    max_examples=60,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

_WORDS = [
    "dltui", "name", "about", "extends", "plugins", "data", "model", "task", "optimizer",
    "scheduler", "trainer", "metrics", "diagnostics", "callbacks", "sweep", "type", "layers",
    "blocks", "params", "repeat", "for", "residual", "shortcut", "use", "in", "from", "init",
    "match", "groups", "lr", "split", "augment", "warmup", "loss", "digits", "builtin", "csv",
    "classify", "relu", "conv", "linear", "add", "sgd", "cosine", "epochs", "accuracy",
    "$(d)", "$(data.classes)", "$(1 / 0", "../x", "torchvision/resnet18", "path", "target",
]  # fmt: skip

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(_WORDS),
)
_KEYS = st.sampled_from(_WORDS) | st.text(max_size=8)
_DATA = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(st.binary(max_size=200))
@_SOON
def test_any_bytes_are_refused_with_a_place(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "garbage.yaml"
    path.write_bytes(data)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in caught.value.problems)


_YAML_LETTERS = "abc:-[]{},&*!|>'\"%@`#?\\ \n\t$()0123.~<=\x85\u2028é"


@given(st.text(_YAML_LETTERS, max_size=80) | st.text(max_size=80))
@_SOON
def test_any_text_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, Path("/nowhere/recipe.yaml"))
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in caught.value.problems)


@given(st.dictionaries(st.sampled_from(_WORDS[:15]), _DATA, max_size=8))
@_SOON
def test_any_values_under_the_sections_are_read_or_refused(sections: dict[str, object]) -> None:
    sections.pop("extends", None)
    right = {
        "data": {"type": "builtin", "name": "digits"},
        "model": {"layers": [{"linear": 10}]},
        "task": {"type": "classify"},
    }
    recipe = _read_or_refused(write_yaml({**right, **sections}))
    if recipe is not None:
        assert parse_recipe(recipe.resolved_yaml(), Path("/elsewhere/resolved.yaml")) == recipe


def _read_or_refused(text: str) -> Recipe | None:
    """The recipe, or None where it was refused; any other error fails the test."""
    try:
        return parse_recipe(text, Path("/nowhere/recipe.yaml"))
    except RecipeError:
        return None


@given(_DATA)
@_SOON
def test_layers_of_any_shape_are_read_or_refused(layers: object) -> None:
    text = write_yaml(
        {
            "data": {"type": "builtin", "name": "digits"},
            "task": {"type": "classify"},
            "model": {"layers": [layers], "blocks": {"b": {"layers": [layers, "relu"]}}},
        }
    )
    recipe = _read_or_refused(text)
    if recipe is not None:
        assert len(recipe.model.layers) == 1


@given(st.dictionaries(_KEYS, _DATA, max_size=5))
@_SOON
def test_what_is_written_reads_back_the_same(data: dict[str, object]) -> None:
    problems = Problems()
    read = read_yaml(write_yaml(data) or "{}", "written", problems)
    assert not problems
    assert read is not None
    assert plain(read) == data


@given(st.lists(st.text(_YAML_LETTERS + "dataoptimizer.lr=", max_size=30), max_size=3))
@_SOON
def test_any_overrides_are_read_or_refused(tmp_path: Path, overrides: list[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: {type: builtin, name: digits}\nmodel: {layers: [relu]}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    assert caught.value.problems
