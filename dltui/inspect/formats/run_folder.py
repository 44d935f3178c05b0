"""dltui's own checkpoints: a step's folder, all of a run's, or the run.

```
run/recipe.yaml  status.json
run/checkpoints/latest  best           one line each: the name of a step's folder
run/checkpoints/step_00001200/         model.pt  ema.pt  training.pt
```
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect import json_text
from dltui.inspect.budget import Budget
from dltui.inspect.combined import combined
from dltui.inspect.contents import Checkpoint
from dltui.inspect.opening import open_file
from dltui.inspect.source import Source
from dltui.records import replaced

FORMAT = "dltui checkpoint"
_PARTS = {"model.pt": "model", "ema.pt": "ema", "training.pt": ""}
"""The files of a step, and what the names of their tensors begin with."""
_STEP = re.compile(r"step_\d{8,19}")
_MAX_STEPS = 100_000
_MAX_TEXT_BYTES = 1 << 20


def sniff_folder(path: Path) -> bool:
    """A step's folder, one of such folders, or a run's."""
    return _is_step(path) or bool(_steps(path)) or _is_run(path)


def read_folder(path: Path) -> Checkpoint:
    """The step itself, or the latest of several; with the run's recipe. Raises CheckpointError."""
    step, notes = path, list[str]()
    if not _is_step(path):
        folder = path / "checkpoints" if _is_run(path) else path
        step, notes = _chosen(path, folder)
    there = [name for name in _PARTS if os.path.isfile(step / name)]

    budget = Budget(step)

    def parts() -> Iterator[tuple[str, Checkpoint]]:
        for name in there:
            yield _PARTS[name], open_file(step / name, budget)

    found = combined(path, FORMAT, parts(), notes)
    about = _about_run(step.resolve().parent.parent)
    return replaced(found, metadata={**_without_empty(found.metadata), **about})


def _chosen(path: Path, folder: Path) -> tuple[Path, list[str]]:
    """The latest step's folder, and what to say of the others."""
    steps = _steps(folder)
    if not steps:
        raise CheckpointError(
            "this run has no checkpoint yet",
            where=str(path),
            remedy="one is written at the end of the first epoch; trainer.checkpoint says when",
        )
    latest = _pointed(folder, "latest")
    name = latest if latest in steps else steps[-1]
    best = _pointed(folder, "best")
    notes = [f"This is the latest of {len(steps):,} checkpoints, {name}."]
    if best in steps and best != name:
        notes.append(f"The best one is {best}.")
    return folder / name, notes


def _is_step(path: Path) -> bool:
    return os.path.isfile(path / "model.pt") and os.path.isfile(path / "training.pt")


def _is_run(path: Path) -> bool:
    return os.path.isdir(path / "checkpoints") and os.path.isfile(path / "recipe.yaml")


def _steps(folder: Path) -> list[str]:
    """The names of the whole checkpoints in a folder, oldest first."""
    try:
        with os.scandir(folder) as entries:
            named = [
                entry.name
                for _, entry in zip(range(_MAX_STEPS), entries, strict=False)
                if _STEP.fullmatch(entry.name)
            ]
    except OSError:
        return []
    return sorted((name for name in named if _is_step(folder / name)), key=lambda n: int(n[5:]))


def _pointed(folder: Path, pointer: str) -> str:
    name = _text(folder / pointer).strip()
    return name if _STEP.fullmatch(name) else ""


def _about_run(run: Path) -> dict[str, Any]:
    """The recipe's text and how far the run is, where the checkpoint lies in its run."""
    if not _is_run(run):
        return {}
    found: dict[str, Any] = {"recipe": _text(run / "recipe.yaml")}
    try:
        status = json_text.value(_text(run / "status.json").encode())
    except ValueError:
        return found
    if isinstance(status, dict):
        found["run"] = {"id": run.name, **status}
    return found


def _text(path: Path) -> str:
    """A small text file; empty if it is not there or too long."""
    if not os.path.isfile(path):
        return ""
    with Source(path) as source:
        if source.size > _MAX_TEXT_BYTES:
            return ""
        return source.read(0, source.size).decode("utf-8", "replace")


def _without_empty(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value != {}}
