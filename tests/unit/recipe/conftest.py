"""Recipes written to a folder of their own, read as a user would have them read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dltui.errors import Problem, RecipeError
from dltui.recipe import Recipe, load_recipe

_SMALL = """\
name: small
data: {type: builtin, name: digits}
model:
  layers:
    - linear: 32
    - relu
    - linear: $(data.classes)
task: {type: classify}
"""

Write = Callable[..., Path]
Load = Callable[..., Recipe]
Refuse = Callable[..., list[Problem]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe and gives its path."""

    def write(text: str | bytes, name: str = "recipe.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def load(write: Write) -> Load:
    def load(text: str, overrides: Sequence[str] = ()) -> Recipe:
        return load_recipe(write(text), overrides)

    return load


@pytest.fixture
def refuse(write: Write) -> Refuse:
    """The problems of a recipe that is refused."""

    def refuse(text: str | bytes, overrides: Sequence[str] = ()) -> list[Problem]:
        with pytest.raises(RecipeError) as caught:
            load_recipe(write(text), overrides)
        return list(caught.value.problems)

    return refuse


@pytest.fixture
def small() -> str:
    """A recipe that is right."""
    return _SMALL


@pytest.fixture
def refuse_layers(refuse: Refuse) -> Refuse:
    """The problems of a layer list whose first item stands on line 5, column 7."""

    def refuse_layers(*lines: str) -> list[Problem]:
        layers = "".join(f"    - {line}\n" for line in lines)
        head = "data: {type: builtin, name: digits}\ntask: {type: classify}\nmodel:\n  layers:\n"
        return refuse(head + layers)

    return refuse_layers
