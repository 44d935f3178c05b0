"""Where a sweep lies: `runs/sweeps/<recipe>-sweep-<n>/`, its trials being runs beside the others.

```
recipe.yaml    the resolved recipe, with its `sweep:`
sweep.json     what the user typed, and when
trials.log     optuna's journal: what was tried, and what came of it
worker.lock    held by the one process that goes on with it
```
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.errors import RunNotFoundError, StoreError
from dltui.recipe import Recipe
from dltui.runs.atomic import write_atomic
from dltui.runs.clean import printable
from dltui.runs.layout import check_private, run_name

_NUMBERED = re.compile(r"(.+)-sweep-(\d+)")


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """One sweep on the disk. Making the object touches nothing."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def runs(self) -> Path:
        """The folder that its trials are runs of."""
        return self.path.parent.parent

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def journal(self) -> Path:
        return self.path / "trials.log"

    @property
    def lock_path(self) -> Path:
        return self.path / "worker.lock"

    @property
    def typed(self) -> tuple[str, ...]:
        """The recipe that the user named, and the overrides.

        Raises StoreError where the folder is damaged.
        """
        try:
            facts: Any = json.loads((self.path / "sweep.json").read_bytes())
            return tuple(printable(str(word)) for word in (facts["recipe"], *facts["overrides"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError("this sweep cannot be read", where=str(self.path)) from error


def create_sweep(runs: Path, recipe: Recipe, shown_recipe: str) -> SweepFolder:
    """A new folder for the recipe's sweep. Raises StoreError if it cannot be made."""
    name = run_name(recipe.name)
    try:
        (runs / "sweeps").mkdir(parents=True, mode=0o700, exist_ok=True)
        number = max((n for stem, n, _ in _numbered(runs) if stem == name), default=0) + 1
        path = runs / "sweeps" / f"{name}-sweep-{number}"
        path.mkdir(mode=0o700)
        write_atomic(path / "recipe.yaml", recipe.resolved_yaml())
        facts = {
            "recipe": shown_recipe,
            "overrides": recipe.overrides,
            "created": time.time(),
        }
        write_atomic(path / "sweep.json", json.dumps(facts))
    except OSError as error:
        raise StoreError(
            f"cannot make a sweep: {error.strerror}",
            where=str(runs),
            remedy="choose a folder that you can write: --runs DIR or DLTUI_RUNS",
        ) from error
    return SweepFolder(path)


def find_sweep(runs: Path, name: str) -> SweepFolder:
    """The sweep of that name, or the newest for `last`.

    Raises RunNotFoundError where there is none, StoreError where others could have written it.
    """
    found = [path for _, _, path in _numbered(runs)]
    wanted = [path for path in found if path.name == name]
    if name == "last" and found:
        wanted = [max(found, key=lambda path: (path / "sweep.json").stat().st_mtime)]
    if not wanted:
        names = ", ".join(sorted(path.name for path in found))
        raise RunNotFoundError(
            f"there is no sweep {printable(name)!r}",
            where=str(runs / "sweeps"),
            remedy=f"there are: {names}" if names else "dltui sweep RECIPE starts one",
        )
    check_private(wanted[0])
    return SweepFolder(wanted[0])


def _numbered(runs: Path) -> list[tuple[str, int, Path]]:
    try:
        names = os.listdir(runs / "sweeps")
    except FileNotFoundError:
        return []
    matches = [match for match in map(_NUMBERED.fullmatch, names) if match]
    return [(match[1], int(match[2]), runs / "sweeps" / match[0]) for match in matches]
