"""A run is made only once everything has been checked."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.errors import DltuiError, RecipeError, StoreError, UsageError
from dltui.launch import description
from dltui.launch.candidate import Candidate
from dltui.launch.start import start_run
from dltui.recipe import load_recipe
from dltui.runs.checkpoints import publish_checkpoint, read_place, write_place
from dltui.runs.layout import RunFolder
from dltui.runs.living import effective_state, read_launch
from dltui.runs.status import read_status, write_status

CANDIDATE = Path(__file__).with_name("obedient_candidate.py")
WORKER = Path(__file__).with_name("obedient_worker.py")
SOUND = {"recipe": "r", "parameters": 650, "layers": [], "errors": []}


@pytest.fixture
def recipe_file(run: RunFolder, tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(run.resolved.read_text())
    return path


def answer(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> list[list[str]]:
    """Stands in for the helper process, which needs torch; notes what it was asked."""
    asked: list[list[str]] = []

    def ask(recipe: object, overrides: list[str]) -> dict[str, Any]:
        asked.append(list(overrides))
        return found

    def command(source: str, overrides: list[str]) -> list[str]:
        asked.append(list(overrides))
        return [sys.executable, str(CANDIDATE), json.dumps(found), str(WORKER)]

    monkeypatch.setattr(description, "_ask", ask)
    monkeypatch.setattr("dltui.launch.candidate.candidate_command", command)
    return asked


def started(run: RunFolder) -> RunFolder:
    from dltui.launch.control import kill_process

    launched = read_launch(run.path)
    assert launched is not None
    assert kill_process(launched, wait_s=10)
    return run


def test_a_started_run_holds_what_was_asked_for(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, SOUND)
    recipe = load_recipe(recipe_file, ["trainer.epochs=3"])
    made = started(start_run(recipe, runs=tmp_path / "new", name="my run", device="cpu"))
    assert made.name == "my-run-1"
    assert asked == [["trainer.epochs=3", "trainer.device=cpu"]]
    assert made.recipe.read_text() == recipe_file.read_text()
    again = load_recipe(made.resolved)
    assert (again.trainer.epochs, again.trainer.device) == (3, "cpu")
    status = read_status(made.path)
    assert (status.task, status.parameters, status.recipe) == ("classify", 650, str(recipe_file))
    settings = json.loads((made.path / "settings.json").read_text())
    assert settings["trainer.epochs"] == 3


def test_the_process_that_checked_the_recipe_trains_it(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, SOUND)
    made = start_run(load_recipe(recipe_file), runs=tmp_path / "new")
    launched = read_launch(made.path)
    assert launched is not None
    deadline = time.monotonic() + 30
    while effective_state(made.path, read_status(made.path)) != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert read_status(made.path).process == launched
    wait_for = f"up {launched.pid} fresh\n"
    while made.worker_log.read_text() != wait_for:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started(made)


def test_a_candidate_that_is_gone_is_replaced_by_a_fresh_worker(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f"print({json.dumps(json.dumps(SOUND))}, flush=True)"
    monkeypatch.setattr(
        "dltui.launch.candidate.candidate_command",
        lambda source, overrides: [sys.executable, "-c", told],
    )
    found = Candidate.found

    def found_and_gone(self: Candidate, name: str) -> dict[str, Any]:
        result = found(self, name)
        self._process.wait()
        return result

    monkeypatch.setattr(Candidate, "found", found_and_gone)
    made = start_run(load_recipe(recipe_file), runs=tmp_path / "new")
    deadline = time.monotonic() + 30
    while effective_state(made.path, read_status(made.path)) != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started(made)


def test_a_candidate_that_fails_says_what_it_printed_and_makes_no_run(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import sys; print('no such library', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(
        "dltui.launch.candidate.candidate_command",
        lambda source, overrides: [sys.executable, "-c", code],
    )
    with pytest.raises(DltuiError, match="ended with code 3") as raised:
        start_run(load_recipe(recipe_file), runs=tmp_path / "new")
    assert raised.value.remedy == "no such library"
    assert not (tmp_path / "new").exists()


def test_where_the_run_cannot_be_made_the_candidate_ends(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, SOUND)
    made: list[Candidate] = []
    begin = Candidate.__init__

    def note(self: Candidate, source: str, overrides: list[str], runs: Path) -> None:
        begin(self, source, overrides, runs)
        made.append(self)

    monkeypatch.setattr(Candidate, "__init__", note)

    def full(*args: object, **settings: object) -> RunFolder:
        raise StoreError("no space left on device")

    monkeypatch.setattr("dltui.launch.start.create_run", full)
    with pytest.raises(StoreError, match="no space"):
        start_run(load_recipe(recipe_file), runs=tmp_path / "new")
    assert made[0]._process.returncode is not None


def test_a_recipe_with_problems_makes_no_run(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {"file": "mine.yaml", "line": 3, "column": 2, "path": "model", "message": "no"}
    answer(monkeypatch, {**SOUND, "errors": [{**problem, "kind": "DataError"}]})
    with pytest.raises(RecipeError, match=r"mine\.yaml:3:2: model: no"):
        start_run(load_recipe(recipe_file), runs=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "what"), [("landmarks/resnet18", "folder"), ("series/lstm-csv", "file")]
)
def test_data_that_is_not_there_yet_can_be_shown_but_not_trained_on(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, SOUND)
    recipe = load_recipe(name, [f"data.path={tmp_path / 'later'}"])
    with pytest.raises(RecipeError, match=rf"no such {what}: .*later"):
        start_run(recipe, runs=tmp_path / "runs")
    assert asked == []
    assert not list((tmp_path / "runs").glob("*"))


def test_a_fork_starts_from_the_checkpoint_of_its_parent(
    run: RunFolder, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, SOUND)
    recipe = load_recipe(recipe_file)
    with pytest.raises(StoreError, match="no checkpoint yet"):
        start_run(recipe, runs=run.path.parent, fork=(run, None))
    publish_checkpoint(run.checkpoints, 70, lambda folder: (folder / "m").touch())
    beside = started(start_run(recipe, runs=run.path.parent, fork=(run, None)))
    assert read_status(beside.path).parent == f"{run.id}@70"
    away = started(start_run(recipe, runs=tmp_path / "away", fork=(run, 70)))
    assert read_status(away.path).parent == f"{run.path.resolve()}@70"
    with pytest.raises(StoreError, match="no checkpoint at step 71"):
        start_run(recipe, runs=tmp_path / "away", fork=(run, 71))
    assert effective_state(away.path, read_status(away.path)) == "died"


def test_a_fork_with_nothing_left_to_train_is_refused_before_it_is_made(
    run: RunFolder, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, SOUND)
    write_status(run.path, replace(read_status(run.path), steps_per_epoch=10, step=70))
    publish_checkpoint(run.checkpoints, 70, lambda folder: (folder / "m").touch())
    with pytest.raises(UsageError, match="7 epochs on, and the recipe ends after 7"):
        start_run(
            load_recipe(recipe_file, ["trainer.epochs=7"]),
            runs=tmp_path / "new",
            fork=(run, None),
        )
    assert not (tmp_path / "new").exists()
    longer = load_recipe(recipe_file, ["trainer.epochs=8"])
    started(start_run(longer, runs=tmp_path / "new", fork=(run, None)))


@pytest.mark.parametrize(
    ("overrides", "steps_left"),
    [
        (["trainer.steps=20"], False),  # the second fold began at step 50
        (["trainer.steps=21"], True),
        (["trainer.steps=40", "data.batch_size=32"], False),  # two epochs of 20 steps
        (["trainer.steps=41", "data.batch_size=32"], True),
        (["trainer.epochs=2"], False),
        (["trainer.epochs=2.1"], True),
    ],
)
def test_a_fork_counts_from_the_beginning_of_its_fold(
    run: RunFolder,
    recipe_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: list[str],
    steps_left: bool,
) -> None:
    answer(monkeypatch, {**SOUND, "data": {"train_size": 640}})
    place = {"first_step": 50, "steps_per_epoch": 10}
    publish_checkpoint(run.checkpoints, 70, lambda folder: write_place(folder, place))
    length = [] if "epochs" in overrides[0] else ["trainer.epochs=null"]
    recipe = load_recipe(recipe_file, [*length, *overrides])
    if steps_left:
        started(start_run(recipe, runs=tmp_path / "new", fork=(run, None)))
    else:
        with pytest.raises(UsageError, match=r"step 70 is .* on.* nothing left to train"):
            start_run(recipe, runs=tmp_path / "new", fork=(run, None))
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"first_step": "x"}', '{"first_step": -3}'])
def test_a_damaged_note_of_the_place_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "place.json").write_text(content)
    assert read_place(tmp_path) == {}


def test_a_description_is_kept_until_the_recipe_changes(
    recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, SOUND)
    for _ in range(2):
        assert description.describe(load_recipe(recipe_file)) == SOUND
    assert len(asked) == 1
    recipe_file.write_text(recipe_file.read_text() + "# a comment moves nothing but may\n")
    description.describe(load_recipe(recipe_file))
    assert len(asked) == 2


def test_a_helper_process_that_fails_says_what_it_printed(
    recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        description, "worker_environment", lambda: {"PYTHONHOME": "/nowhere", "PATH": ""}
    )
    with pytest.raises(DltuiError, match="ended with code 1") as raised:
        description.describe(load_recipe(recipe_file))
    assert raised.value.remedy
