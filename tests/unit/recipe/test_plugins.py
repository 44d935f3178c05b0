"""Plugin files: their names are read without running them, and trust is the user's alone."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.errors import PluginError, RecipeError
from dltui.recipe import is_trusted, load_recipe, plugin_names, trust
from dltui.recipe.nodes import Layer

Write = Callable[..., Path]

_PLUGIN = """\
import dltui
from dltui import layer, data_source

raise SystemExit("a plugin is never run by reading it")

@layer("swish2")
class Swish2:
    def __init__(self, beta=1.0, *, in_features, learned=False):
        pass

@dltui.callback(name="ping")
def ping(run, **options):
    pass

@data_source("mine")
def mine(rows):
    pass

@layer("gated")
def gated(x, gate, floor=0.0, *, hard=False):
    pass

@layer(some_variable)
class NotANameYet: ...
"""


@pytest.fixture(autouse=True)
def settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "dltui"


def test_names_are_read_without_running_the_file(write: Write) -> None:
    names = plugin_names(write(_PLUGIN, "plug.py"))
    assert [(n.name, n.kind, n.line, n.parameters, n.open_ended) for n in names] == [
        ("swish2", "layer", 7, ("beta", "learned"), False),
        ("ping", "callback", 12, ("run",), True),
        ("mine", "data_source", 16, ("rows",), False),
        ("gated", "layer", 20, ("floor", "hard", "gate"), False),
    ]


def test_a_recipe_uses_plugin_layers_by_name(write: Write, small: str) -> None:
    plugin = write(_PLUGIN, "plug.py")
    recipe = load_recipe(write(small.replace("relu", "swish2: 2.0") + "plugins: [plug.py]\n"))
    layer = recipe.model.layers[1]
    assert isinstance(layer, Layer)
    assert (layer.kind, layer.args, recipe.plugins) == ("swish2", {"beta": 2.0}, (plugin,))


def test_wrong_plugin_layers_are_told(write: Write, small: str) -> None:
    write(_PLUGIN, "plug.py")
    text = small.replace("relu", "swish2: {bta: 2.0}").replace("linear: 32", "swich2")
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(text + "plugins: [plug.py]\n"))
    assert [problem.message for problem in caught.value.problems] == [
        "unknown layer `swich2`; did you mean `swish2`?",
        "unknown argument `bta`; did you mean `beta`? (of `swish2`)",
    ]


def test_a_plugin_that_is_not_python_is_told_at_its_own_line(write: Write, small: str) -> None:
    plugin = write("x = 1\ny = (\n", "plug.py")
    with pytest.raises(PluginError) as caught:
        plugin_names(plugin)
    assert caught.value.where == f"{plugin}:2:5"
    with pytest.raises(RecipeError, match=r"plugins\.0: .*plug\.py:2:5: the plugin is not valid"):
        load_recipe(write(small + "plugins: [plug.py]\n"))


def test_trust_holds_for_one_path_and_one_content(write: Write, settings_folder: Path) -> None:
    plugin = write(_PLUGIN, "plug.py")
    copy = write(_PLUGIN, "copy.py")
    assert not is_trusted(plugin)
    trust(plugin)
    assert is_trusted(plugin)
    assert not is_trusted(copy)
    plugin.write_text(_PLUGIN + "# changed\n")
    assert not is_trusted(plugin)
    store = settings_folder / "trusted-plugins.json"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_a_link_is_trusted_as_the_file_behind_it(write: Write, tmp_path: Path) -> None:
    plugin = write(_PLUGIN, "plug.py")
    link = tmp_path / "link.py"
    link.symlink_to(plugin)
    trust(link)
    assert is_trusted(plugin)


@pytest.mark.parametrize("held", ["not json", "[]", '{"a": 3}'])
def test_a_broken_store_grants_nothing_and_is_replaced(
    held: str, write: Write, settings_folder: Path
) -> None:
    plugin = write(_PLUGIN, "plug.py")
    settings_folder.mkdir(parents=True)
    (settings_folder / "trusted-plugins.json").write_text(held)
    assert not is_trusted(plugin)
    trust(plugin)
    assert is_trusted(plugin)


def test_a_store_that_others_may_write_grants_nothing(write: Write, settings_folder: Path) -> None:
    plugin = write(_PLUGIN, "plug.py")
    trust(plugin)
    store = settings_folder / "trusted-plugins.json"
    assert json.loads(store.read_text()).keys() == {str(plugin.resolve())}
    store.chmod(0o666)
    assert not is_trusted(plugin)


def test_a_missing_plugin_cannot_be_trusted(tmp_path: Path) -> None:
    assert not is_trusted(tmp_path / "gone.py")
    with pytest.raises(PluginError):
        trust(tmp_path / "gone.py")


def test_no_recipe_key_grants_trust(write: Write, small: str) -> None:
    plugin = write(_PLUGIN, "plug.py")
    load_recipe(write(small + "plugins: [plug.py]\n"))
    assert not is_trusted(plugin)
