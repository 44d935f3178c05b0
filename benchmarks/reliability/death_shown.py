"""How long until an open dashboard says that the worker has died, why, and what to do about it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.reliability.rows import Plan, Row
from dltui.runs.layout import open_run, run_folders

TIMES = 10
_MOST_S = 3.0
_LAST_WORDS = "the last words of the worker"
_PATIENCE_S = 30.0


def death_shown(plan: Plan) -> Row:
    """A writer that is killed under a dashboard, so many times."""
    began = time.monotonic()
    times = plan.times or TIMES
    took = [_seconds(plan.folder / f"runs-{number}") for number in range(times)]
    late = [f"only after {seconds:.1f} s" for seconds in took if seconds > _MOST_S]
    return Row(
        "death-shown",
        f"kill -9 of a worker under an open dashboard: `died`, its log's last lines and the way to"
        f" resume are on the screen within {_MOST_S:g} s",
        times,
        len(late),
        "promises",
        time.monotonic() - began,
        tuple(late),
        f"{max(took):.1f} s at most",
    )


def _seconds(runs: Path) -> float:
    script = str(Path(__file__).parents[1] / "synthetic_run.py")
    options = ["--rate", "50", "--steps", "1000000"]
    writer = subprocess.Popen([sys.executable, script, str(runs), *options], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        return asyncio.run(_watched(runs, writer))
    finally:
        writer.kill()
        writer.wait()


async def _watched(runs: Path, writer: subprocess.Popen[bytes]) -> float:
    from dltui.ui.app import DltuiApp
    from dltui.ui.panes.header import RunHeader
    from dltui.ui.panes.lines import Lines, text_of
    from dltui.ui.panes.log import LogPane, log_text

    run = open_run(run_folders(runs)[0])
    run.worker_log.write_text(f"{_LAST_WORDS}\n")
    async with DltuiApp(runs, open_runs=(run.path,)).run_test(size=(120, 36)) as pilot:

        def shows(words: tuple[str, ...]) -> bool:
            screen = pilot.app.screen
            text = "".join(header.text for header in screen.query(RunHeader))
            text += "".join(map(log_text, screen.query(LogPane)))
            for banner in screen.query("#banner").results(Lines):
                text += "".join(map(text_of, banner.lines))
            return all(word in text for word in words)

        await _until(lambda: shows(("running",)))
        writer.kill()
        writer.wait()
        killed = time.monotonic()
        await _until(lambda: shows(("died", _LAST_WORDS, "resumes it")))
        return time.monotonic() - killed


async def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            return
        await asyncio.sleep(0.05)
