"""What a run's network makes of an example, from a helper process that has torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dltui.errors import DltuiError
from dltui.launch.command import worker_environment
from dltui.runs.clean import clean_json, printable

LIMIT_S = 600.0


def look(
    run: Path, out: Path, *, step: int | None = None, part: str | None = None, example: int = 0
) -> dict[str, Any]:
    """`{run, step, part, example, prediction, layers, pictures}`; the pictures are PNG files in
    the folder `out`, which is made where it is missing.

    `layers` lists `{name, type, shape, mean, std, min, max, zeros, non_finite}` in the order of the
    forward pass; `pictures` `{kind, file, …}` of the kinds input, saliency, grad_cam and attention.
    Raises DltuiError with what the helper process said where it has no answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = ["--example", str(example)]
    if step is not None:
        wanted += ["--step", str(step)]
    if part is not None:
        wanted += ["--part", part]
    command = [sys.executable, "-m", "dltui.worker.looking", str(run), str(out), *wanted]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            env=worker_environment(run.parent),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DltuiError(f"no answer within {LIMIT_S:.0f} s", where=str(run)) from error
    try:
        found = clean_json(json.loads(done.stdout))
        if done.returncode == 0 and isinstance(found["layers"], list):
            return dict(found)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    told = printable(done.stderr, lines=True).strip().splitlines()
    if done.returncode == 2 and told:
        raise DltuiError("\n".join(told))
    raise DltuiError(
        f"looking at the example ended with code {done.returncode}",
        where=str(run),
        remedy="\n  ".join(told[-20:]) or None,
    )
