"""Waits for what an app is about to show; a loaded machine may take its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.worker import WorkerCancelled

PATIENCE_S = 30.0


async def until(pilot: Pilot[Any], ready: Callable[[], object]) -> None:
    """Lets the app work until something is so."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        await pilot.pause(0.03)
        if ready():
            return
    raise AssertionError("it never came about")


async def settled(pilot: Pilot[Any]) -> None:
    """Until the threads that read have shown what they found."""
    for _ in range(3):
        # A newer check of the same thing cancels the older one.
        with contextlib.suppress(WorkerCancelled):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()
