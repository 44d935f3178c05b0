"""Callbacks of plugin files are called at the turning points and see the training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.recipe import trust
from dltui.runs import RunFolder, read_status
from tests.worker.conftest import DIGITS, MakeRun, same_weights, train, train_until

PLUGIN = """
import json
import dltui

@dltui.callback("diary")
class Diary:
    def __init__(self, name="diary"):
        self.name = name
        self.steps = 0

    def on_start(self, view):
        self.write(view, "start")

    def on_step_end(self, view):
        self.steps += 1
        assert "train/loss" in view.metrics

    def on_evaluation(self, view):
        self.write(view, "evaluation", view.metrics["val/accuracy"])

    def on_end(self, view):
        self.write(view, "end", self.steps)
        view.say("the diary is closed")

    def write(self, view, *line):
        with (view.folder / f"{self.name}.jsonl").open("a") as file:
            file.write(json.dumps([view.step, *line]) + "\\n")
"""

FAILING = """
import dltui

@dltui.callback("diary")
class Diary:
    def on_step_end(self, view):
        if view.step == 3:
            view.metrics["train/loss"] = 0.0
"""


@pytest.fixture
def with_callback(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def make(code: str, callback: str = "{type: diary}") -> RunFolder:
        plugin = tmp_path / "plugin.py"
        plugin.write_text(code)
        trust(plugin)
        return make_run(f"{DIGITS}plugins: [plugin.py]\ncallbacks: [{callback}]\n")

    return make


def diary(folder: RunFolder, name: str = "diary") -> list[list[object]]:
    return [json.loads(line) for line in (folder.path / f"{name}.jsonl").read_text().splitlines()]


def test_a_callback_is_called_at_every_turning_point(
    with_callback: MakeRun, make_run: MakeRun
) -> None:
    folder = with_callback(PLUGIN, "{type: diary, name: mine}")
    assert train(folder) == 0
    lines = diary(folder, "mine")
    total = read_status(folder.path).step
    assert lines[0] == [0, "start"]
    assert [line[1] for line in lines[1:-1]] == ["evaluation"] * 3
    assert lines[-1] == [total, "end", total]
    assert "the diary is closed" in folder.events.read_text()
    without = make_run(DIGITS)
    assert train(without) == 0
    assert same_weights(folder, without)


def test_a_resumed_run_starts_its_callbacks_again(with_callback: MakeRun) -> None:
    folder = with_callback(PLUGIN)
    train_until(folder, 4)
    assert train(folder, resume=True) == 0
    starts = [line for line in diary(folder) if line[1] == "start"]
    assert starts == [[0, "start"], [4, "start"]]


def test_a_failing_callback_is_reported_at_its_own_line(
    with_callback: MakeRun, tmp_path: Path
) -> None:
    folder = with_callback(FAILING)
    assert train(folder) == 2
    status = read_status(folder.path)
    assert status.state == "failed"
    line = FAILING.splitlines().index('            view.metrics["train/loss"] = 0.0') + 1
    assert status.message.startswith(f"{tmp_path / 'plugin.py'}:{line}: ")
    assert "the callback diary failed in on_step_end: TypeError" in status.message
    assert status.step == 3
