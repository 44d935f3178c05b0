"""Commands that open screens. Textual is imported here and nowhere else in the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from dltui.errors import UsageError
from dltui.paths import runs_folder


def open_home(runs: Path | None) -> int:
    """The home screen; its exit code."""
    return _open(runs, ())


def open_run(runs: Path | None, run: str) -> int:
    """Watch one run, by name or by its folder."""
    return _open(runs, (find(runs, run),))


def open_comparison(runs: Path | None, names: list[str]) -> int:
    """Overlay two runs or more."""
    if len(names) < 2:
        raise UsageError("compare needs two runs or more", remedy="dltui runs lists them")
    return _open(runs, tuple(find(runs, name) for name in names))


def open_inspection(path: Path) -> int:
    """Explore a checkpoint. Raises CheckpointError before anything is drawn."""
    _need_terminal("In scripts: dltui inspect --plain or --json.")
    from dltui.ui.inspect.opening import PATIENCE_S, Opening

    # A thread reads the file; while it waits for the disk, Textual is imported.
    opening = Opening(path)
    opening.head_start()
    from dltui.ui.app import DltuiApp
    from dltui.ui.inspect.screen import InspectScreen

    opening.result(PATIENCE_S)
    app = DltuiApp(first=lambda: InspectScreen(opening))
    app.run()
    return app.return_code or 0


def open_difference(a: Path, b: Path) -> int:
    """Compare two checkpoints; 0 if they are the same, 1 if not, 2 if one cannot be read."""
    _need_terminal("In scripts: dltui diff --plain or --json.")
    from dltui.ui.app import DltuiApp
    from dltui.ui.inspect.diff_screen import DiffScreen

    app = DltuiApp(first=lambda: DiffScreen(a, b))
    app.run()
    return app.return_code or 0


def find(runs: Path | None, run: str) -> Path:
    """The folder of a run given as id, unique prefix, name, 'last' or path."""
    from dltui.runs import find_run

    return find_run(runs or runs_folder(), run).path


def _open(runs: Path | None, open_runs: tuple[Path, ...]) -> int:
    _need_terminal("In scripts: dltui watch --plain, dltui train --headless, dltui runs --json.")
    from dltui.ui.app import DltuiApp

    app = DltuiApp(runs or runs_folder(), open_runs=open_runs)
    app.run()
    return app.return_code or 0


def _need_terminal(remedy: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this needs a terminal", remedy=remedy)
