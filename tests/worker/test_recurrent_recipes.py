"""What the recurrent recipes are there to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.doctor import Finding, diagnose
from dltui.recipe import load_recipe
from dltui.runs import RunReader, Status, create_run
from tests.worker.conftest import train
from tests.worker.test_image_recipes import trained

SHORT = ("trainer.epochs=2", "trainer.device=cpu", "diagnostics.every_steps=4")


def findings(name: str, runs: Path) -> list[Finding]:
    """Of the first two epochs of a shipped recipe."""
    recipe = load_recipe(name, SHORT)
    status = Status(recipe=name)
    folder = create_run(runs, recipe.name, recipe.source_text, recipe.resolved_yaml(), status)
    assert train(folder) == 0
    reader = RunReader(folder)
    reader.poll()
    return diagnose(reader)


def test_the_gradient_of_the_plain_network_vanishes_on_its_way_back_in_time(
    tmp_path: Path,
) -> None:
    found = {finding.rule: finding for finding in findings("recurrent/plain-rnn", tmp_path)}
    assert "early" in str(found["vanishing_gradients"].layer)


def test_the_gradient_of_the_lstm_does_not(tmp_path: Path) -> None:
    rules = [finding.rule for finding in findings("recurrent/lstm", tmp_path)]
    assert "vanishing_gradients" not in rules


@pytest.mark.parametrize(
    "name", ["recurrent/plain-rnn", "recurrent/lstm", "basics/mlp-breast-cancer"]
)
def test_it_trains(name: str, tmp_path: Path) -> None:
    trained(name, tmp_path)
