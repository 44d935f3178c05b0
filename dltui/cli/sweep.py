"""`dltui sweep`: a search over the settings that a recipe's `sweep:` names."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.cli.follow import clock, terminable
from dltui.errors import StoreError, UsageError

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.sweep.folder import SweepFolder
    from dltui.sweep.loop import Loop
    from dltui.sweep.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for."""

    recipe: str | None
    overrides: tuple[str, ...]
    resume: str | None
    trials: int | None
    jobs: int
    device: str | None
    trust: bool


def sweep(wish: Wish, runs: Path, *, as_json: bool) -> int:
    """Exit code of `dltui sweep`: 0 where a trial came to its end, 1 where none did.

    Ctrl-C and SIGTERM stop the running trials, each with a checkpoint; the exit codes are 130 and
    143 then.
    """
    # optuna, pydantic and numpy: only a sweep needs them together.
    from dltui.cli.train import ask_for_trust
    from dltui.recipe import load_recipe
    from dltui.runs.lock import WorkerLock
    from dltui.sweep.loop import Loop
    from dltui.sweep.outcome import outcome
    from dltui.sweep.search import Search

    folder, recipe = _opened(wish, runs)
    ask_for_trust(recipe, agreed=wish.trust)
    if folder is None:
        folder = _created(runs, recipe)
    lock = WorkerLock(folder.lock_path)
    if not lock.acquire():
        raise StoreError("another process goes on with this sweep", where=folder.name)
    try:
        search = Search(folder, load_recipe(folder.recipe), wish.trials)
        _say(f"{folder.name}: {search.wanted} trials for {search.metric}, {search.mode}")
        loop = Loop(search, folder, jobs=wish.jobs, device=wish.device, say=_say)
        with terminable() as ended_by:
            try:
                loop.run()
            except KeyboardInterrupt:
                code = 128 + ended_by()
                _stop(loop, folder)
                _tell(outcome(folder, search), as_json=as_json)
                return code
        found = outcome(folder, search)
        _tell(found, as_json=as_json)
        return 0 if found.best is not None else 1
    finally:
        lock.release()


def _opened(wish: Wish, runs: Path) -> tuple[SweepFolder | None, Recipe]:
    """The sweep to go on with, None for a new one; and the recipe."""
    from dltui.recipe import load_recipe
    from dltui.sweep.folder import find_sweep

    if wish.resume is not None:
        if wish.recipe is not None:
            raise UsageError(
                "--resume goes on with the sweep's own recipe",
                remedy="only --trials, --jobs and --device may be given with it",
            )
        folder = find_sweep(runs, wish.resume)
        return folder, load_recipe(folder.recipe)
    if wish.recipe is None:
        raise UsageError("which recipe?", remedy="dltui recipes lists them")
    recipe = load_recipe(wish.recipe, wish.overrides)
    if recipe.sweep is None:
        raise UsageError(
            "the recipe has no section `sweep`",
            where=str(recipe.path or recipe.name),
            remedy="say what to try: sweep: {space: {optimizer.lr: {loguniform: [1e-4, 1e-1]}}}",
        )
    return None, recipe


def _created(runs: Path, recipe: Recipe) -> SweepFolder:
    from dltui.launch.start import shown_source
    from dltui.runs.layout import check_runs
    from dltui.sweep.folder import create_sweep

    check_runs(runs)
    return create_sweep(runs, recipe, shown_source(recipe))


def _stop(loop: Loop, folder: SweepFolder) -> None:
    _say(f"stopping {len(loop.running)} trials with a checkpoint; again to leave at once")
    try:
        loop.interrupt()
    except KeyboardInterrupt:
        _say("they go on stopping by themselves")
    _say(f"dltui sweep --resume {folder.name} goes on from here")


def _say(line: str) -> None:
    print(f"{clock(time.time())}  {line}", file=sys.stderr, flush=True)


def _tell(found: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found.as_json(), indent=2, allow_nan=False))
        return
    if found.trials:
        _print_table(found)
    best = found.best
    if best is not None:
        print(f"best: trial {best.number}, {found.metric} {best.value:.4g}")
        print(shlex.join(found.command(best)))


def _print_table(found: Outcome) -> None:
    from rich.table import Table
    from rich.text import Text

    from dltui.cli.tables import table_console

    table = Table(box=None, pad_edge=False, header_style="dim")
    keys = list(found.trials[0].values)
    for title in ("trial", found.metric, "evaluations", "state", *keys, "run"):
        is_number = title in ("trial", found.metric, "evaluations")
        table.add_column(title, justify="right" if is_number else "left", overflow="fold")
    best = found.best
    for trial in sorted(found.trials, key=lambda trial: (found.rank(trial), trial.number)):
        cells = [
            str(trial.number),
            "" if trial.value is None else f"{trial.value:.4g}",
            str(trial.evaluations),
            trial.state,
            *(_shown(trial.values[key]) for key in keys),
            trial.run or trial.message.partition("\n")[0],
        ]
        style = "bold" if best is not None and trial.number == best.number else ""
        table.add_row(*(Text(cell, style) for cell in cells))
    table_console().print(table)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
