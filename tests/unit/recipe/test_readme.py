"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dltui.recipe import load_recipe
from dltui.recipe.nodes import Layer

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def test_the_recipe_of_the_readme_with_its_plugin_layer_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "plugin.py").write_text(block("python"))
    said = re.search(r"in the recipe:  - (\w+): ([\d.]+)", block("python"))
    assert said is not None
    layer, value = said.groups()
    recipe = block("yaml").replace("\n    - relu\n", f"\n    - {layer}: {value}\n")
    (tmp_path / "mine.yaml").write_text(f"{recipe}plugins: [plugin.py]\n")
    layers = load_recipe("mine.yaml", ()).model.layers
    assert layer in [node.kind for node in layers if isinstance(node, Layer)]


def test_the_plugin_layer_of_the_readme_hides_no_layer_that_there_is() -> None:
    from dltui.recipe.catalogue import LAYERS

    name = re.search(r'@dltui\.layer\("(\w+)"\)', block("python"))
    assert name is not None
    assert name[1] not in LAYERS
