"""The command line and environment of a worker process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dltui


def worker_command(run: Path, *, resume: bool = False) -> list[str]:
    """What starts the worker of a run."""
    resuming = ["--resume"] if resume else []
    return [sys.executable, "-m", "dltui.worker", str(run), *resuming]


def candidate_command(source: str, overrides: list[str]) -> list[str]:
    """What checks a recipe and then waits to become the worker of its run."""
    return [sys.executable, "-m", "dltui.worker.candidate", source, *overrides]


def worker_environment(runs: Path | None = None) -> dict[str, str]:
    """This process's environment, made fit for a process without a terminal.

    `python -m` would put the current folder first on the path, where a stray `random.py` hides
    the standard library's; the folder of this dltui is named instead. `runs` is where
    `from: run/<id>` looks.
    """
    environment = dict(os.environ)
    home = str(Path(dltui.__file__).parent.parent)
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if home not in paths:
        paths.append(home)
    environment |= {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "NO_COLOR": "1",
    }
    if runs is not None:
        environment["DLTUI_RUNS"] = str(runs.absolute())
    # Threads that spin while they wait for each other cost a small network nine tenths of its
    # steps as soon as anything else runs on the machine.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment
