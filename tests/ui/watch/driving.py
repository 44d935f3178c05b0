"""Waits for the watch screen and says what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from dltui.ui.panes.pane import Pane
from dltui.ui.screens.watch import WatchScreen
from tests.ui.driving import until

__all__ = ["Make", "opened", "seen", "until"]

Make = Callable[..., Any]


async def opened(pilot: Pilot[Any]) -> WatchScreen:
    screen = pilot.app.screen
    assert isinstance(screen, WatchScreen)
    await until(pilot, lambda: screen.snapshot is not None and screen.query("#outcomes"))
    await pilot.pause()
    return screen


def seen(screen: WatchScreen) -> set[str]:
    """The panes that have a place on the screen."""
    return {pane.id or "" for pane in screen.query(Pane) if pane.region.area > 0}
