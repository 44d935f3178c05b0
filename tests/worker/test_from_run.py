"""Weights of one run are where another one starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dltui.errors import RecipeError
from dltui.graph import compile_model, shape_table
from dltui.recipe import Recipe, load_recipe
from dltui.runs import RunFolder, pointed, read_status
from dltui.worker.data import describe
from dltui.worker.describe import describe_recipe
from tests.worker.conftest import DIGITS, MakeRun, train

HEAD, TAIL = DIGITS.split("model:")[0], "task:" + DIGITS.split("task:")[1]


def recipe_from(tmp_path: Path, model: str, *overrides: str) -> Recipe:
    path = tmp_path / "tuned.yaml"
    path.write_text(f"{HEAD}model: {model}\n{TAIL}")
    return load_recipe(path, overrides)


@pytest.fixture
def trained(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    folder = make_run(DIGITS, "trainer.epochs=2", "trainer.ema={decay: 0.9}")
    assert train(folder) == 0
    monkeypatch.setenv("DLTUI_RUNS", str(folder.path.parent))
    return folder


def best(folder: RunFolder, name: str) -> dict[str, torch.Tensor]:
    found = pointed(folder.checkpoints, "best")
    assert found is not None
    weights: dict[str, torch.Tensor] = torch.load(found / name, weights_only=True)
    return weights


def test_a_network_starts_with_the_best_weights_of_a_run(
    trained: RunFolder, tmp_path: Path, make_run: MakeRun
) -> None:
    by_id = recipe_from(tmp_path, f"{{from: run/{trained.id}}}")
    facts = describe(by_id)
    for name, tensor in best(trained, "ema.pt").items():
        assert torch.equal(compile_model(by_id, facts).state_dict()[name], tensor)
    by_name = recipe_from(tmp_path, f"{{from: run/{trained.name}, freeze: ['conv*']}}")
    assert compile_model(by_name, facts).state_dict().keys() == best(trained, "ema.pt").keys()
    file = f"{pointed(trained.checkpoints, 'best')}/model.pt"
    by_path = compile_model(recipe_from(tmp_path, f"{{from: {file}}}"), facts).state_dict()
    for name, tensor in best(trained, "model.pt").items():
        assert torch.equal(by_path[name], tensor)
    rows = shape_table(by_id, facts)
    assert sum(row.parameters for row in rows) == read_status(trained.path).parameters
    tuned = make_run(f"{HEAD}model: {{from: run/{trained.id}}}\n{TAIL}", "trainer.epochs=1")
    assert train(tuned) == 0


def test_a_new_head_goes_onto_the_weights_of_a_run(trained: RunFolder, tmp_path: Path) -> None:
    recipe = recipe_from(tmp_path, f"{{from: run/{trained.id}, replace_head: true}}")
    facts = replace(describe(recipe), classes=4)
    model = compile_model(recipe, facts).eval()
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
    own, theirs = model.state_dict(), best(trained, "ema.pt")
    (new, *_) = (name for name in own if own[name].shape != theirs[name].shape)
    assert own[new].shape == (4, 512)
    body = [name for name in own if name.rpartition(".")[0] != new.rpartition(".")[0]]
    assert len(body) == len(own) - 2
    assert all(torch.equal(own[name], theirs[name]) for name in body)


def test_weights_that_do_not_fit_are_named_with_both_shapes(
    trained: RunFolder, tmp_path: Path
) -> None:
    recipe = recipe_from(tmp_path, f"{{from: run/{trained.id}}}")
    found = pointed(trained.checkpoints, "best")
    assert found is not None
    weights = best(trained, "ema.pt")
    name = next(name for name in weights if weights[name].dim() == 4)
    torch.save({**weights, name: torch.zeros(9, 1, 3, 3)}, found / "ema.pt")
    for build in (shape_table, compile_model):
        with pytest.raises(RecipeError) as raised:
            build(recipe, describe(recipe))
        (problem,) = raised.value.problems
        assert problem.path == "model.from"
        assert f"the tensor {name} is [9, 1, 3, 3] in" in problem.message
        assert "[8, 1, 3, 3] in the network" in problem.message


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{from: run/none-7}", "no run is called 'none-7'"),
        ("{from: run/digits-1, weights: DEFAULT}", "best and latest, not 'DEFAULT'"),
    ],
)
def test_a_run_that_is_not_there_is_refused_at_its_key(
    model: str, message: str, trained: RunFolder, tmp_path: Path
) -> None:
    recipe = recipe_from(tmp_path, model)
    with pytest.raises(RecipeError, match=message):
        shape_table(recipe, describe(recipe))


@pytest.mark.parametrize(
    ("name", "first", "key"),
    [
        ("transfer/finetune-digits", "transfer/pretrain-digits", "model.from"),
        ("transfer/distil-digits", "vision/cnn-digits", "task.teacher"),
    ],
)
def test_a_shipped_recipe_that_needs_a_run_says_how_to_make_it(
    name: str, first: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_RUNS", str(tmp_path / "runs"))
    (error,) = describe_recipe(name, [])["errors"]
    assert error["path"] == key
    assert f"no run is called '{first.partition('/')[2]}-1' in {tmp_path}" in error["message"]
    assert f"train it first, `dltui train {first}`" in error["message"]


def test_a_file_of_no_run_is_refused(trained: RunFolder, tmp_path: Path) -> None:
    stray = tmp_path / "stray.pt"
    torch.save(best(trained, "model.pt"), stray)
    recipe = recipe_from(tmp_path, f"{{from: {stray}}}")
    with pytest.raises(RecipeError, match="lies in no run of dltui"):
        shape_table(recipe, describe(recipe))
