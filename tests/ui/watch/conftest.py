"""Runs made with the store's own writers, and an app that shows one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.app import App
from textual.screen import Screen

from dltui.ui.screens.watch import WatchScreen

_BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def _synthetic() -> ModuleType:
    if str(_BENCHMARKS) not in sys.path:
        sys.path.append(str(_BENCHMARKS))
    return importlib.import_module("synthetic_run")


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes a SyntheticRun of 400 steps in `tmp_path`, written up to `steps`."""
    made = []

    def make(steps: int = 200, **settings: Any) -> Any:
        run = _synthetic().SyntheticRun(tmp_path / "runs", steps_total=400, **settings)
        made.append(run)
        run.write(steps)
        run.tick()
        return run

    yield make
    for run in made:
        run.lock.release()


class WatchApp(App[None]):
    """Shows one screen over an empty one."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self.first = screen

    def on_mount(self) -> None:
        self.push_screen(self.first)


@pytest.fixture
def watch_app() -> Callable[[Any], WatchApp]:
    """The app that watches a run."""
    return lambda run: WatchApp(WatchScreen(run.folder.path))


@pytest.fixture(autouse=True)
def quick_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots come at once, so that tests need not wait."""
    monkeypatch.setenv("DLTUI_FPS", "30")
    monkeypatch.setenv("DLTUI_GLYPHS", "unicode")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
