"""Recipes and data facts that the graph tests share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.recipe import Recipe, load_recipe
from dltui.recipe.data_info import DataInfo

_CLASSIFY = """\
data: {type: builtin, name: digits}
task: {type: classify}
"""
_NEXT_TOKEN = """\
data: {type: builtin, name: pydoc, context: 16}
task: {type: next_token}
"""

Write = Callable[..., Recipe]


@pytest.fixture
def digits() -> DataInfo:
    return DataInfo(shape=(1, 8, 8), dtype="float32", target="class", classes=10)


@pytest.fixture
def cifar() -> DataInfo:
    return DataInfo(shape=(3, 32, 32), dtype="float32", target="class", classes=10)


@pytest.fixture
def text() -> DataInfo:
    return DataInfo(shape=(16,), dtype="int64", target="token", vocab=65, context=16)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes and loads a recipe with the `model:` section given; `sections`: data and task."""

    def write_recipe(
        model: str, *, next_token: bool = False, sections: str | None = None
    ) -> Recipe:
        file = tmp_path / "recipe.yaml"
        head = sections or (_NEXT_TOKEN if next_token else _CLASSIFY)
        body = textwrap.dedent(model).strip("\n")
        file.write_text(f"dltui: 1\nname: test\ntrainer: {{epochs: 1}}\n{head}{body}\n")
        return load_recipe(file)

    return write_recipe
