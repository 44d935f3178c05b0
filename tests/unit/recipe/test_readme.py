"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dltui.recipe import load_recipe, shipped
from dltui.recipe.catalogue import LAYERS

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_first_recipe_of_the_readme_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    assert load_recipe("mine.yaml", ()).task.type == "classify"


def test_the_plugin_layers_of_the_readme_hide_no_layer_that_there_is() -> None:
    names = re.findall(r'@dltui\.layer\("(\w+)"\)', "".join(blocks("python")))
    assert names
    assert not set(names) & set(LAYERS)


def test_every_shipped_recipe_stands_in_the_readme() -> None:
    assert [recipe.name for recipe in shipped() if f"`{recipe.name}`" not in README] == []
