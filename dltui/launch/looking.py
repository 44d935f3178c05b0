"""What a run's network makes of an example, from a helper process that has torch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.errors import DltuiError
from dltui.launch.command import worker_environment
from dltui.runs.clean import clean_json, printable

LIMIT_S = 600.0
_ASK_EVERY_S = 0.1
"""How soon the helper ends once its answer is no longer wanted."""


def look(
    run: Path,
    out: Path,
    *,
    step: int | None = None,
    part: str | None = None,
    example: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """`{run, step, part, example, prediction, layers, pictures}`; the pictures are PNG files in
    the folder `out`, which is made where it is missing.

    `layers` lists `{name, type, shape, mean, std, min, max, zeros, non_finite}` in the order of the
    forward pass; `pictures` `{kind, file, …}` of the kinds input, saliency, grad_cam and attention.
    Raises DltuiError with what the helper process said where it has no answer, or where
    `cancelled` says that none is wanted any more: the helper is ended then.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = ["--example", str(example)]
    if step is not None:
        wanted += ["--step", str(step)]
    if part is not None:
        wanted += ["--part", part]
    command = [sys.executable, "-m", "dltui.worker.looking", str(run), str(out), *wanted]
    done = _ended(command, run, cancelled)
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


def _ended(
    command: list[str], run: Path, cancelled: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """The helper once it has ended by itself; it never outlives this call."""
    give_up_at_s = time.monotonic() + LIMIT_S
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=worker_environment(run.parent),
    ) as helper:
        try:
            while True:
                try:
                    stdout, stderr = helper.communicate(timeout=_ASK_EVERY_S)
                except subprocess.TimeoutExpired as error:
                    if cancelled():
                        raise DltuiError("given up", where=str(run)) from error
                    if time.monotonic() > give_up_at_s:
                        told = f"no answer within {LIMIT_S:.0f} s"
                        raise DltuiError(told, where=str(run)) from error
                else:
                    return subprocess.CompletedProcess(command, helper.returncode, stdout, stderr)
        finally:
            helper.kill()
