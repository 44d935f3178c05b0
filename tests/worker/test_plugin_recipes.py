"""Shipped recipes with plugin files: asked about, trained, and shipped with their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dltui.cli.recipes import validate
from dltui.errors import PluginError
from dltui.graph import compile_model, load_plugins
from dltui.recipe import load_recipe, shipped, trust, write_copy
from dltui.worker.data import describe
from dltui.worker.describe import describe_recipe
from tests.worker.test_image_recipes import trained

WITH_PLUGINS = {
    recipe.name: metric
    for recipe in shipped()
    for metric in ("mae" if recipe.task == "regress" else "accuracy",)
    if load_recipe(recipe.name).plugins
}


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def trusting(name: str) -> None:
    for plugin in load_recipe(name).plugins:
        trust(plugin)


def test_there_are_recipes_with_plugins() -> None:
    assert {"graph/message-passing", "graph/deep-sets"} <= set(WITH_PLUGINS)


@pytest.mark.parametrize("name", WITH_PLUGINS)
def test_its_plugin_is_not_run_before_it_is_trusted(name: str) -> None:
    (error,) = describe_recipe(name)["errors"]
    assert "has not been allowed to run" in error["message"]
    trusting(name)
    assert describe_recipe(name)["errors"] == []


def test_validate_runs_the_plugin_where_it_is_told_to_trust_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert validate("graph/deep-sets", (), as_json=True, trust=False) == 2
    assert "--trust" in capsys.readouterr().out
    assert validate("graph/deep-sets", (), as_json=True, trust=True) == 0
    assert validate("graph/deep-sets", (), as_json=True, trust=False) == 0


@pytest.mark.parametrize("name", WITH_PLUGINS)
def test_it_trains_with_its_plugin(name: str, tmp_path: Path) -> None:
    trusting(name)
    trained(name, tmp_path, metric=WITH_PLUGINS[name])


@pytest.mark.parametrize("name", WITH_PLUGINS)
def test_a_copy_of_it_asks_anew_and_works(name: str, tmp_path: Path) -> None:
    trusting(name)
    copy = tmp_path / "own" / "mine.yaml"
    write_copy(name, copy)
    recipe = load_recipe(copy)
    with pytest.raises(PluginError, match="has not been allowed"):
        load_plugins(recipe)
    trusting(str(copy))
    assert describe_recipe(copy)["parameters"] == describe_recipe(name)["parameters"]


@torch.no_grad()
def test_messages_travel_one_edge_a_round_whatever_the_order_of_the_nodes() -> None:
    trusting("graph/message-passing")
    recipe = load_recipe("graph/message-passing", ["model.params.rounds=2", "data.args.graphs=100"])
    network = compile_model(recipe, describe(recipe)).eval()
    x = torch.zeros(1, 4, 2)
    x[0, 0, 0] = 1
    edges = torch.zeros(1, 4, 4)
    for one, other in ((0, 1), (1, 2), (2, 3)):
        edges[0, one, other] = edges[0, other, one] = 1
    heard: list[torch.Tensor] = []
    for round_ in ("round0", "round1"):
        layer = network.get_submodule(f"{round_}.message_passing")
        layer.register_forward_hook(lambda layer, given, out: heard.append(out))
    network({"x": x, "edges": edges})
    first = list(heard)
    heard.clear()
    network({"x": torch.zeros(1, 4, 2), "edges": edges})
    for rounds, (marked, blank) in enumerate(zip(first, heard, strict=True), start=1):
        reached = [not torch.allclose(marked[0, node], blank[0, node]) for node in range(4)]
        assert reached == [node <= rounds for node in range(4)]
    order = torch.tensor([2, 0, 3, 1])
    moved = {"x": x[:, order], "edges": edges[:, order][:, :, order]}
    assert torch.allclose(network(moved), network({"x": x, "edges": edges}), atol=1e-5)
