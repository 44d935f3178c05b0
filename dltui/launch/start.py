"""A recipe becomes a run; a run that ended goes on."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.errors import RecipeError, StoreError, UsageError
from dltui.launch.candidate import Candidate
from dltui.launch.description import (
    describe,
    keep_description,
    known_description,
    raise_problems,
)
from dltui.launch.forking import Origin
from dltui.launch.spawn import spawn_worker
from dltui.runs.checkpoints import pointed
from dltui.runs.filter import flat_settings
from dltui.runs.layout import RunFolder, check_runs, create_run, open_run
from dltui.runs.living import effective_state
from dltui.runs.lock import WorkerLock
from dltui.runs.status import Status, read_status, write_status

_EXIT_S = 30.0

if TYPE_CHECKING:
    from dltui.recipe import Recipe


def start_run(
    recipe: Recipe,
    *,
    runs: Path,
    name: str | None = None,
    device: str | None = None,
    resume: RunFolder | None = None,
    fork: tuple[RunFolder, int | None] | None = None,
    shown_recipe: str | None = None,
) -> RunFolder:
    """Checks everything, then makes the run and starts its worker; returns at once.

    `shown_recipe` is what lists call the recipe; None for its name or path. `fork` starts from
    another run's checkpoint, the latest for None. With `resume` that run goes on instead and the
    recipe is not used. Raises RecipeError, DataError and the like before anything is made, and
    StoreError if the run cannot be made.
    """
    if resume is not None:
        return resume_run(resume)
    check_runs(runs)
    if device is not None:
        recipe = _on_device(recipe, device)
    origin = None
    if fork is not None:
        origin = Origin.of(*fork)
        origin.check_steps_left(recipe)
    changes = [] if device is None else [f"trainer.device={device}"]
    found, candidate = _checked(recipe, changes, runs)
    try:
        if origin is not None:
            origin.check_steps_left(recipe, found)
        status = Status(
            state="starting",
            recipe=shown_recipe or shown_source(recipe),
            task=str(recipe.task.type),
            parameters=found.get("parameters"),
            parent=None if origin is None else origin.named(runs),
            heartbeat=time.time(),
        )
        run = create_run(
            runs,
            name or recipe.name,
            recipe.source_text,
            recipe.resolved_yaml(),
            status,
            settings=flat_settings(recipe.raw),
        )
        if candidate is not None:
            if candidate.become(run):
                return run
            candidate.dismiss()
    except BaseException:
        if candidate is not None:
            candidate.dismiss()
        raise
    _spawn(run, resume=False, status=read_status(run.path))
    return run


_PROMISED = ("folder", "segmentation_folder", "voc", "coco", "audio_folder", "series")
"""Data whose model can be shown before there is any."""


def _refuse_without_data(recipe: Recipe) -> None:
    """Data that is not there yet may be enough to show a model, not to train it."""
    data = recipe.data
    path = getattr(data, "path", None)
    if data.type in _PROMISED and path is not None and not Path(path).expanduser().exists():
        what = "file" if data.type == "series" else "folder"
        message = f"there is no such {what}: {path}; set it with data.path=…"
        raise RecipeError([recipe.problem(("data", "path"), message)])


def _checked(
    recipe: Recipe, changes: list[str], runs: Path
) -> tuple[dict[str, Any], Candidate | None]:
    """The recipe's description and, where a process had to check it, that process.

    Raises RecipeError with all that is wrong.
    """
    _refuse_without_data(recipe)
    # What a name of a run stands for is for its folder to say, each time anew.
    ready_made = recipe.model.pretrained
    from_run = ready_made is not None and not ready_made.source.startswith("torchvision/")
    known = None if from_run else known_description(recipe, changes)
    if known is not None or recipe.path is None:
        found = known or describe(recipe, changes)
        raise_problems(found)
        return found, None
    candidate = Candidate(str(recipe.path), [*recipe.overrides, *changes], runs)
    try:
        found = candidate.found(recipe.name)
        raise_problems(found)
        keep_description(recipe, changes, found)
    except BaseException:
        candidate.dismiss()
        raise
    return found, candidate


def resume_run(run: RunFolder) -> RunFolder:
    """Starts a worker that goes on from the run's last checkpoint.

    For runs that stopped, failed or died. Raises UsageError for one that lives or has finished,
    StoreError if another process is just starting it. Without a checkpoint it starts anew.
    """

    run = open_run(run.path)
    status = read_status(run.path)
    state = effective_state(run.path, status)
    if state not in ("stopped", "failed", "died", "queued"):
        raise UsageError(
            "it has finished" if state == "finished" else f"it is {state}",
            where=run.name,
            remedy=f"train on with other settings: dltui train trainer.epochs=… --fork {run.name}"
            if state == "finished"
            else f"watch it: dltui watch {run.name}",
        )
    has_checkpoint = pointed(run.checkpoints, "latest") is not None
    _mark_starting(run, status)
    _spawn(run, resume=has_checkpoint, status=status)
    return run


def _mark_starting(run: RunFolder, status: Status) -> None:
    lock = WorkerLock(run.lock_path)
    # A worker that has written its last status still takes a while to leave torch.
    if not lock.acquire(wait_s=_EXIT_S):
        raise StoreError(
            "another process is working on this run",
            where=run.name,
            remedy=f"look at it: dltui watch {run.name}",
        )
    try:
        run.launch_path.unlink(missing_ok=True)
        starting = replace(
            status, state="starting", process=None, message="", heartbeat=time.time()
        )
        write_status(run.path, starting)
    finally:
        lock.release()


def _spawn(run: RunFolder, *, resume: bool, status: Status) -> None:
    """Starts the worker; a run whose worker cannot even be started is marked as failed."""
    try:
        spawn_worker(run, resume=resume)
    except StoreError as error:
        write_status(run.path, replace(status, state="failed", message=error.message))
        raise


def _on_device(recipe: Recipe, device: str) -> Recipe:
    raw = copy.deepcopy(recipe.raw)
    raw.setdefault("trainer", {})["device"] = device
    trainer = recipe.trainer.model_copy(update={"device": device})
    return replace(recipe, raw=raw, trainer=trainer)


def shown_source(recipe: Recipe) -> str:
    """A shipped recipe by its name `family/name`, any other by its path; one of stdin by `name`."""
    from dltui.paths import shipped_recipes

    path = recipe.path
    if path is None:
        return recipe.name
    if path.name == "resolved.yaml" and (path.parent / "status.json").is_file():
        return read_status(path.parent).recipe  # a fork with its parent's recipe
    try:
        return str(path.resolve().relative_to(shipped_recipes().resolve()).with_suffix(""))
    except ValueError:
        return str(path)
