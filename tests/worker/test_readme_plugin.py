"""The README's page on one's own layer, task and data source does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dltui.recipe import trust
from dltui.runs import read_status
from dltui.runs.array_reader import ArrayReader
from tests.worker.conftest import MakeRun, train

README = Path(__file__).parents[2] / "README.md"


def block_after(text: str, language: str) -> str:
    page = README.read_text("utf-8").partition("## A layer, a task and a data source of your own")[
        2
    ]
    found = re.search(rf"{re.escape(text)}:\n\n```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_spirals_of_the_readme_train_and_leave_their_map(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    plugin = tmp_path / "spirals.py"
    plugin.write_text(block_after("`spirals.py`", "python"))
    trust(plugin)
    run = make_run(block_after("`spirals.yaml`", "yaml"), "trainer.epochs=12")
    assert train(run) == 0
    status = read_status(run.path)
    assert status.metrics["train/accuracy"] > 0.9
    reader = ArrayReader(run.array_log("scatter"))
    reader.poll()
    assert reader.index[-1] == status.step
