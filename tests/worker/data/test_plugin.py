"""Data of the user's own Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dltui.errors import DataError, PluginError
from dltui.recipe import trust
from dltui.worker.data import describe, open_data

SOURCE = """
import torch
import dltui

@dltui.data_source("{name}")
def source(size=20):
    {body}
"""


@dataclass(frozen=True)
class PluginRecipe:
    data: Any
    task: Any
    plugins: tuple[Path, ...]


@pytest.fixture
def plugin(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    count = 0

    def make(body, task="classify", **args):
        nonlocal count
        count += 1
        # Names are registered once a process.
        name = f"{tmp_path.name}-{count}"
        path = tmp_path / f"plugin{count}.py"
        path.write_text(SOURCE.format(name=name, body=body))
        trust(path)
        base = recipe(task, type="plugin", name=name, args=args)
        return PluginRecipe(base.data, base.task, (path,))

    return make


def test_tensors_become_a_stratified_set(plugin):
    wanted = plugin(
        "return torch.randn(size, 3), torch.arange(size) % 2, {'class_names': ['no', 'yes']}",
        size=50,
    )
    data = open_data(wanted, seed=0, device="cpu")
    assert data.info.class_names == ("no", "yes")
    assert data.info.shape == (3,)
    assert (data.train.size, data.val.size) == (40, 10)
    assert describe(wanted) == data.info


def test_parts_of_the_plugins_own_are_kept(plugin):
    body = """x = torch.zeros(size, 1, 4, 4, dtype=torch.uint8)
    y = torch.arange(size) % 3
    return {'train': (x, y), 'val': (x[:5], y[:5])}"""
    data = open_data(plugin(body), seed=0, device="cpu")
    assert (data.train.size, data.val.size) == (20, 5)
    assert data.decode_example("val", 0).image


def test_a_dataset_is_read_batch_by_batch(plugin):
    body = """class Squares(torch.utils.data.Dataset):
        def __len__(self):
            return size
        def __getitem__(self, index):
            return torch.full((2,), float(index)), torch.tensor([float(index) ** 2])
    return Squares()"""
    data = open_data(plugin(body, "regress"), seed=0, device="cpu")
    batch = next(data.train.epoch(0))
    assert batch.targets.shape == (16, 1)
    assert (batch.inputs[:, :1].square() == batch.targets).all()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "gives a int"),
        ("return torch.zeros(3, 2), torch.zeros(4)", "3 inputs and 4 targets"),
        ("return {'training': None}", "the parts training"),
        ("return torch.zeros(3, 2), torch.zeros(3)", "whole numbers"),
    ],
)
def test_what_is_no_data_is_refused_at_the_plugin(plugin, body, message):
    wanted = plugin(body)
    with pytest.raises(DataError, match=message) as caught:
        open_data(wanted, seed=0, device="cpu")
    assert caught.value.where.startswith(str(wanted.plugins[0]))


def test_a_failing_plugin_is_reported_at_its_own_line(plugin):
    wanted = plugin("return 1 / 0")
    with pytest.raises(PluginError, match="ZeroDivisionError") as caught:
        describe(wanted)
    assert caught.value.where == f"{wanted.plugins[0]}:7"
