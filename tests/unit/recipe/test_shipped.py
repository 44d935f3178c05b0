"""The shipped recipes: listed by their headers, read by name, copied with their comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui import paths
from dltui.errors import RecipeError, UsageError
from dltui.recipe import ShippedRecipe, load_recipe, shipped, write_copy

_HEADED = """\
# dltui train vision/tiny
# expected: val/accuracy 0.985
# time: 20 s on 2 CPU cores
# parameters: 38,442
# needs: gpu, tables

name: tiny
about: "A network: small"  # quoted
data:
  type: torchvision
  name: mnist
model: {layers: [{linear: 10}]}
task: {loss: {type: focal}, type: classify}
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped recipes of our own."""
    root = tmp_path / "recipes"
    (root / "vision").mkdir(parents=True)
    (root / "vision" / "tiny.yaml").write_text(_HEADED)
    monkeypatch.setattr(paths, "shipped_recipes", lambda: root)
    return root


def test_the_list_has_the_facts_of_the_header(shelf: Path) -> None:
    assert shipped() == [
        ShippedRecipe(
            "vision/tiny",
            "vision",
            shelf / "vision" / "tiny.yaml",
            about="A network: small",
            task="classify",
            parameters=38_442,
            expected="val/accuracy 0.985",
            time="20 s on 2 CPU cores",
            download=True,
            needs=("gpu", "tables"),
        )
    ]


def test_what_a_shipped_recipe_extends_counts_for_the_list(shelf: Path) -> None:
    (shelf / "vision" / "wide.yaml").write_text(
        "extends: vision/tiny\nabout: wide\ndata: {limit: 3}\n"
    )
    _, wide = shipped()
    assert (wide.about, wide.task, wide.download) == ("wide", "classify", True)


def test_broken_recipes_stay_in_the_list_with_their_error(shelf: Path) -> None:
    (shelf / "vision" / "binary.yaml").write_bytes(b"\x89PNG\xff")
    (shelf / "vision" / "empty.yaml").write_text("")
    binary, empty, tiny = shipped()
    assert (binary.name, tiny.error) == ("vision/binary", None)
    assert "cannot be read" in str(binary.error)
    assert empty.error == "this is not a recipe"


def test_a_shipped_recipe_is_read_by_its_name(shelf: Path) -> None:
    assert load_recipe("vision/tiny").path == shelf / "vision" / "tiny.yaml"
    with pytest.raises(RecipeError, match="did you mean `vision/tiny`"):
        load_recipe("vision/tinny")


def test_a_recipe_extends_a_shipped_one_by_its_name(shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("extends: vision/tiny\ntrainer: {epochs: 2}\n")
    assert load_recipe(path).trainer.epochs == 2


def test_a_copy_keeps_the_comments_and_never_overwrites(shelf: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "own.yaml"
    write_copy("vision/tiny", target)
    assert target.read_text() == _HEADED
    with pytest.raises(UsageError, match="exists already"):
        write_copy("vision/tiny", target)
    with pytest.raises(UsageError, match="did you mean `vision/tiny`"):
        write_copy("vision/tini", tmp_path / "other.yaml")


def test_a_copy_brings_the_plugin_files_beside_the_recipe(shelf: Path, tmp_path: Path) -> None:
    (shelf / "vision" / "own.py").write_text("# a layer\n")
    (shelf / "vision" / "odd.yaml").write_text(f"plugins: [own.py, ../none.py]\n{_HEADED}")
    target = tmp_path / "mine" / "odd.yaml"
    write_copy("vision/odd", target)
    assert (tmp_path / "mine" / "own.py").read_text() == "# a layer\n"
    with pytest.raises(UsageError, match=r"own\.py exists already"):
        write_copy("vision/odd", tmp_path / "mine" / "second.yaml")
    assert not (tmp_path / "mine" / "second.yaml").exists()


def test_names_cannot_leave_the_folder(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(_HEADED)
    with pytest.raises(UsageError):
        write_copy("../secret", tmp_path / "copy.yaml")


_SHIPPED = shipped()


@pytest.mark.skipif(not _SHIPPED, reason="no recipes are shipped with this checkout")
def test_every_shipped_recipe_is_right_and_its_header_is_complete() -> None:
    for listed in shipped():
        recipe = load_recipe(listed.name)
        assert listed.error is None, listed.name
        assert recipe.task.type == listed.task, listed.name
        assert recipe.about == listed.about != "", listed.name
        assert listed.expected, listed.name
        assert listed.time, listed.name
