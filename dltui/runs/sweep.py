"""What writers that were killed left behind in a run, removed by its next worker."""

from __future__ import annotations

import time
from contextlib import suppress

from dltui.runs.atomic import TEMPORARY
from dltui.runs.checkpoints import sweep_checkpoints
from dltui.runs.layout import RunFolder

_ABANDONED_S = 60.0


def sweep_run(run: RunFolder) -> None:
    """For the run's only worker, at its start.

    In the inbox and beside the status others write too, so only what has stayed for a minute goes
    there; checkpoints and samples are the worker's own.
    """
    sweep_checkpoints(run.checkpoints)
    sweep_checkpoints(run.samples)
    for folder in (run.path, run.inbox):
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(FileNotFoundError):
                if abs(time.time() - path.lstat().st_mtime) > _ABANDONED_S:
                    path.unlink()
