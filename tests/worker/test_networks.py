"""Several networks trained in turn, by a task of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dltui.errors import RecipeError
from dltui.recipe import load_recipe, trust
from dltui.runs import RunFolder, pointed, read_status
from dltui.worker.checkpoints import read_checkpoint
from dltui.worker.describe import describe_recipe
from tests.worker.conftest import MakeRun, resumed_bitwise, train

TASK = """
import torch
import torch.nn.functional as F
import dltui


@dltui.task("duel")
class Duel(dltui.Task):
    def __init__(self, recipe, info, latent=4):
        super().__init__(recipe, info)
        self.latent = latent

    @staticmethod
    def interfaces(info, latent=4):
        return {
            "maker": dltui.Interface((latent,), "float32", output=info.shape),
            "judge": dltui.Interface(info.shape, "float32", output=(1,)),
        }

    @property
    def phases(self):
        return (
            dltui.Phase("judge", scalars=("judge_loss",)),
            dltui.Phase("maker", every=2, scalars=("fooled",)),
        )

    def step(self, networks, batch, phase):
        made = networks["maker"](torch.randn(len(batch), self.latent))
        if phase.network == "judge":
            loss = F.softplus(networks["judge"](made.detach())).mean()
            loss = loss + F.softplus(-networks["judge"](batch.inputs)).mean()
            return [loss, loss.detach()]
        said = networks["judge"](made)
        return [F.softplus(-said).mean(), (said > 0).float().mean()]

    def evaluate(self, networks, batch):
        return None, networks["maker"](torch.randn(len(batch), self.latent))

    def after_evaluation(self, networks, data, out):
        out.pictures("made", networks["maker"](torch.randn(4, self.latent)).sigmoid(), columns=2)
"""

RECIPE = """
dltui: 1
name: duel
plugins: [duel.py]
data: {type: builtin, name: digits, batch_size: 64, limit: 200}
models:
  maker: {layers: [{linear: 64}, {reshape: [1, 8, 8]}]}
  judge: {layers: [flatten, {linear: 16}, relu, {linear: 1}]}
task: {type: plugin, name: duel}
optimizers:
  maker: {type: adam, lr: 1e-3}
  judge: {type: sgd, lr: 0.1, momentum: 0.9}
trainer: {epochs: 2, device: cpu}
"""

Duel = Callable[..., RunFolder]


@pytest.fixture
def duel(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Duel:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    plugin = tmp_path / "duel.py"
    plugin.write_text(TASK)
    trust(plugin)
    return lambda text=RECIPE, *overrides: make_run(text, *overrides)


def weights(run: RunFolder, which: str = "latest") -> dict[str, Any]:
    found = pointed(run.checkpoints, which)
    assert found is not None
    return read_checkpoint(found)[0]


def same(one: dict[str, Any], other: dict[str, Any], network: str) -> bool:
    names = [name for name in one if name.startswith(network) and name.endswith("weight")]
    assert names
    return all(torch.equal(one[name], other[name]) for name in names)


def test_each_network_learns_with_its_own_optimiser_and_leaves_the_other_alone(duel: Duel) -> None:
    one, two = (
        duel(RECIPE, "trainer.steps=1", "trainer.epochs=null"),
        duel(RECIPE, "trainer.steps=2", "trainer.epochs=null"),
    )
    assert train(one) == train(two) == 0
    first, second = weights(one), weights(two)
    # The maker has its turn in every second step, the judge in every step.
    start = duel(RECIPE, "trainer.steps=1", "trainer.epochs=null", "optimizers.judge.lr=1e-30")
    assert train(start) == 0
    begun = weights(start)
    assert same(first, begun, "maker")
    assert not same(first, begun, "judge")
    assert not same(second, begun, "maker")
    state = read_checkpoint(pointed(two.checkpoints, "latest"))[1]  # type: ignore[arg-type]
    assert set(state["optimizers"]) == {"maker", "judge"}


def test_a_duel_goes_on_bitwise_from_the_middle_of_an_epoch(duel: Duel) -> None:
    resumed_bitwise(duel, 3)


def test_scalars_of_every_phase_and_pictures_are_in_the_run(duel: Duel) -> None:
    run = duel()
    assert train(run) == 0
    assert {"train/judge_loss", "train/fooled", "train/loss"} <= set(read_status(run.path).metrics)
    newest = sorted(run.samples.glob("step_*"))[-1]
    assert {path.name for path in newest.iterdir()} >= {"p000.png", "p003.png", "pictures.json"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  maker: {type: adam", "  mker: {type: adam", "unknown network `mker`; did you mean"),
        ("{linear: 64}", "{linear: 63}", "cannot take"),
        ("{linear: 1}]", "{linear: 2}]", "the judge gives (N,2), but the task plugin needs (N,1)"),
        ("models:", "model: {layers: [relu]}\nmodels:", "`model` and `models` exclude each other"),
    ],
)
def test_networks_that_do_not_fit_are_refused_by_validate(
    old: str, new: str, message: str, duel: Duel, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(RECIPE.replace(old, new))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors


def test_a_child_recipe_may_turn_one_network_into_several(tmp_path: Path, duel: Duel) -> None:
    (tmp_path / "base.yaml").write_text(
        "data: {type: builtin, name: digits}\nmodel: {layers: [flatten, {linear: 10}]}\n"
        "task: {type: classify}\n"
    )
    child = tmp_path / "child.yaml"
    child.write_text(RECIPE.replace("dltui: 1", "dltui: 1\nextends: base.yaml"))
    recipe = load_recipe(child)
    assert list(recipe.models) == ["maker", "judge"]
    assert "model gives way to models" in recipe.notes


def test_a_task_that_is_not_registered_is_refused(tmp_path: Path, duel: Duel) -> None:
    path = tmp_path / "unknown.yaml"
    path.write_text(RECIPE.replace("name: duel}", "name: dull}"))
    with pytest.raises(RecipeError, match="unknown task `dull`; did you mean `duel`"):
        load_recipe(path)
