"""A sweep tries what its space says, once each, and ends the trials that are not worth it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dltui.errors import RunNotFoundError, TrainingError
from dltui.launch.spawn import spawn_worker
from dltui.recipe import load_recipe
from dltui.runs import Inbox, RunFolder, RunReader, read_status
from dltui.sweep.folder import SweepFolder, create_sweep, find_sweep
from dltui.sweep.loop import Loop
from dltui.sweep.outcome import outcome
from dltui.sweep.search import Search
from dltui.sweep.trial import Trial, conclude, follow

RECIPE = """
dltui: 1
name: small
data: {type: builtin, name: digits}
model: {layers: [flatten, {linear: 10}]}
task: {type: classify}
sweep:
"""
GRID = """
  sampler: grid
  space:
    optimizer.lr: {choice: [0.1, 0.01]}
    data.batch_size: {int: [16, 48, 16]}
"""
RANGES = """
  trials: 9
  seed: 3
  space:
    optimizer.lr: {loguniform: [1e-4, 1e-1]}
    optimizer.weight_decay: {uniform: [0, 0.5]}
    data.batch_size: {int: [16, 50, 16]}
    model.layers.0: {choice: [flatten, {flatten: {}}]}
"""


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made(tmp_path: Path, text: str) -> SweepFolder:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    recipe = load_recipe(path, ("trainer.epochs=2",))
    return create_sweep(tmp_path / "runs", recipe, "small.yaml")


def search_of(folder: SweepFolder, trials: int | None = None) -> Search:
    return Search(folder, load_recipe(folder.recipe), trials)


def test_a_grid_is_walked_once_also_by_several_processes(tmp_path: Path) -> None:
    folder = made(tmp_path, RECIPE + GRID)
    tried = []
    for count in (4, 2):
        search = search_of(folder)
        assert search.wanted == 6
        for _ in range(count):
            trial = search.ask()
            values = search.values(trial.params)
            tried.append((values["optimizer.lr"], values["data.batch_size"]))
            search.complete(trial, 0.5)
    assert search.left == 0
    assert sorted(tried) == [(lr, size) for lr in (0.01, 0.1) for size in (16, 32, 48)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_values_lie_in_their_ranges_and_train(tmp_path: Path, sampler: str) -> None:
    folder = made(tmp_path, RECIPE + RANGES + f"  sampler: {sampler}")
    search = search_of(folder, trials=12)
    lrs = set()
    while search.left:
        trial = search.ask()
        values = search.values(trial.params)
        lrs.add(values["optimizer.lr"])
        assert 1e-4 <= values["optimizer.lr"] <= 1e-1
        assert 0 <= values["optimizer.weight_decay"] <= 0.5
        assert values["data.batch_size"] in (16, 32, 48)
        assert values["model.layers.0"] in ("flatten", {"flatten": {}})
        search.complete(trial, values["optimizer.lr"])
    assert len(lrs) == 12
    found = outcome(folder, search)
    command = found.command(found.trials[0])
    assert command[:4] == ["dltui", "train", "small.yaml", "trainer.epochs=2"]
    recipe = load_recipe(tmp_path / "small.yaml", command[3:])
    assert recipe.optimizer.lr == found.trials[0].values["optimizer.lr"]
    assert recipe.trainer.epochs == 2


def test_a_sweep_begins_alike_from_the_same_seed(tmp_path: Path) -> None:
    first, second = (made(tmp_path, RECIPE + RANGES) for _ in range(2))
    assert (first.name, second.name) == ("small-sweep-1", "small-sweep-2")
    assert search_of(first).ask().params == search_of(second).ask().params


def test_a_trial_worse_than_the_others_is_stopped_by_a_command(
    tmp_path: Path, run: RunFolder
) -> None:
    folder = made(tmp_path, RECIPE + RANGES)
    search = search_of(folder)
    for _ in range(4):
        better = search.ask()
        for evaluation in (1, 2, 3):
            search.report(better, evaluation, 0.9)
        search.complete(better, 0.9)
    trial = Trial(search.ask(), {}, RunReader(run))
    spawn_worker(run, resume=False)
    deadline = time.monotonic() + 60
    while not follow(trial, search) and time.monotonic() < deadline:
        if read_status(run.path).state == "running" and not trial.is_pruned:
            Inbox(run.inbox).send("evaluate")  # gives 0.75
        time.sleep(0.1)
    conclude(trial, search)
    assert trial.is_pruned
    assert read_status(run.path).state == "stopped"
    assert outcome(folder, search).trials[-1].state == "pruned"
    assert outcome(folder, search).trials[-1].value == 0.75


@pytest.mark.parametrize(
    ("pruner", "judged"), [("halving", [True]), ("median", [False, True]), ("none", [False] * 3)]
)
def test_each_pruner_judges_the_weakest_when_it_is_said_to(
    tmp_path: Path, pruner: str, judged: list[bool]
) -> None:
    search = search_of(made(tmp_path, RECIPE + RANGES + f"  pruner: {pruner}"))
    for _ in range(4):
        strong = search.ask()
        for evaluation in (1, 2, 3):
            search.report(strong, evaluation, 0.9)
            strong.should_prune()
        search.complete(strong, 0.9)
    weak, said = search.ask(), []
    for evaluation in range(1, len(judged) + 1):
        search.report(weak, evaluation, 0.1)
        said.append(weak.should_prune())
    assert said == judged


def test_a_recipe_that_cannot_be_trained_ends_the_sweep_with_its_reason(tmp_path: Path) -> None:
    text = RECIPE.replace("{type: builtin, name: digits}", "{type: folder, path: no, classes: 9}")
    folder = made(tmp_path, text + RANGES.split("    data.batch")[0])
    search = search_of(folder)
    said: list[str] = []
    with pytest.raises(TrainingError, match=r"first 3 trials failed.*there is no such folder"):
        Loop(search, folder, jobs=1, device=None, say=said.append).run()
    assert len(said) == 3
    assert [trial.state for trial in outcome(folder, search).trials] == ["failed"] * 3
    assert "no such folder" in outcome(folder, search).trials[0].message


def test_a_sweep_is_found_by_name_or_as_the_last(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="no sweep"):
        find_sweep(tmp_path / "runs", "last")
    first, second = (made(tmp_path, RECIPE + GRID) for _ in range(2))
    assert find_sweep(tmp_path / "runs", first.name) == first
    assert find_sweep(tmp_path / "runs", "last") == second
    with pytest.raises(RunNotFoundError) as caught:
        find_sweep(tmp_path / "runs", "other")
    assert "small-sweep-1, small-sweep-2" in str(caught.value)
