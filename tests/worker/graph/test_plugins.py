"""A user's own layers: asked about, built, and blamed at their own line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import dltui
from dltui.errors import PluginError
from dltui.graph import compile_model, load_plugins, shape_table
from dltui.recipe import trust
from dltui.recipe.data_info import DataInfo

PLUGIN = """\
import dltui
import torch
from torch import nn


@dltui.layer("swish2")
def swish2(x, beta=1.0):
    return x * torch.sigmoid(beta * x)


@dltui.layer("low_rank")
class LowRank(nn.Module):
    def __init__(self, out, rank=4, *, in_features):
        super().__init__()
        self.down = nn.Linear(in_features, rank, bias=False)
        self.up = nn.Linear(rank, out)

    def forward(self, x):
        if x.shape[-1] == 7:
            raise ValueError("seven is unlucky")
        return self.up(self.down(x))
"""
MODEL = "model: {layers: [flatten, {low_rank: 16}, {swish2: {beta: 2.0}}, {linear: 10}]}"
HEAD = "plugins: [mine.py]\ndata: {type: builtin, name: digits}\ntask: {type: classify}\n"

Write = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def _write(write: Write, folder: Path, plugin: str, model: str = MODEL) -> Any:
    (folder / "mine.py").write_text(plugin)
    return write(model, sections=HEAD)


def test_plugin_layers_are_built_with_the_size_of_their_input(
    write: Write, tmp_path: Path, digits: DataInfo
) -> None:
    recipe = _write(write, tmp_path, PLUGIN)
    trust(tmp_path / "mine.py")
    rows = {row.name: row for row in shape_table(recipe, digits)}
    assert rows["low_rank"].parameters == 64 * 4 + 4 * 16 + 16
    model = compile_model(recipe, digits)
    inside = model.get_submodule("low_rank")(torch.ones(1, 64))
    expected = model.get_submodule("linear")(inside * torch.sigmoid(2 * inside))
    assert torch.allclose(model(torch.ones(1, 1, 8, 8)), expected)


def test_a_plugin_that_nobody_allowed_does_not_run(
    write: Write, tmp_path: Path, digits: DataInfo
) -> None:
    ran = tmp_path / "ran"
    recipe = _write(write, tmp_path, f"{PLUGIN}\nopen({str(ran)!r}, 'w')\n")
    with pytest.raises(PluginError, match="not been allowed"):
        compile_model(recipe, digits)
    trust(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_text(PLUGIN + f"\n\nopen({str(ran)!r}, 'w')\n")
    with pytest.raises(PluginError, match="not been allowed"):
        load_plugins(recipe)
    assert not ran.exists()


def test_a_failing_plugin_is_told_at_its_own_line(
    write: Write, tmp_path: Path, digits: DataInfo
) -> None:
    file = tmp_path / "mine.py"
    recipe = _write(
        write, tmp_path, PLUGIN, "model: {layers: [flatten, {linear: 7}, {low_rank: 10}]}"
    )
    trust(file)
    with pytest.raises(PluginError, match="seven is unlucky") as caught:
        shape_table(recipe, digits)
    assert caught.value.where == f"{file}:20"
    assert "low_rank cannot take (2,7)" in caught.value.message

    file.write_text(PLUGIN + "\n1 / 0\n")
    trust(file)
    with pytest.raises(PluginError, match="ZeroDivisionError") as caught:
        load_plugins(recipe)
    assert caught.value.where == f"{file}:{len(PLUGIN.splitlines()) + 2}"


def test_a_plugin_cannot_take_the_name_of_a_layer_of_dltui(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="'linear' is a layer of dltui's own; give") as caught:
        dltui.layer("linear")
    assert Path(__file__).name in str(caught.value.where)


def test_importing_dltui_loads_neither_torch_nor_its_own_rooms() -> None:
    code = "import sys, dltui; print([m for m in sys.modules if m.startswith(('torch', 'dltui.'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
