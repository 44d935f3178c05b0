"""Sessions of somebody who presses anything, at any size, on any screen."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from textual.pilot import Pilot

from dltui.errors import UsageError
from dltui.runs import pointed, publish_checkpoint
from dltui.runs.layout import run_folders
from dltui.ui.app import DltuiApp
from dltui.ui.inspect.opening import Opening
from dltui.ui.inspect.screen import InspectScreen
from dltui.ui.settings import Settings

TASKS = ("classify", "regress", "next_token", "vae", "detect", "forecast", "seq2seq")
_HANG_S = 120.0
_KEYS = (
    *"abcdefghijklmnopqrstuvwxyz",
    *"CEFGKLMNORSTXZ",
    *"0123456789",
    *("space", "enter", "escape", "tab", "shift+tab", "backspace", "delete"),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("slash", "question_mark", "left_square_bracket", "right_square_bracket", "comma"),
    *("full_stop", "plus", "minus", "less_than_sign", "greater_than_sign", "colon"),
    *("ctrl+t", "ctrl+l", "ctrl+p", "ctrl+s", "ctrl+a", "ctrl+z", "ctrl+y", "f1", "f5"),
)
_MOVES = ("up", "down", "left", "right", "enter", "tab", "pagedown", "escape")
_TEXTS = ("state:running", "1e-3", "lr>=", "\\x", "name: [", "ü模型", "../..", "0" * 40)


class World:
    """Finished runs of several tasks and one that is being written, all made by real writers."""

    def __init__(self, folder: Path, *, steps: int = 300):
        self.runs = folder / "runs"
        self.settings = folder / "settings.json"
        writer = [sys.executable, str(Path(__file__).parents[1] / "synthetic_run.py")]
        made = []
        for task in TASKS:
            options = ["--task", task, "--steps", str(steps), "--name", task]
            command = [*writer, str(self.runs), *options]
            made.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        if any(process.wait() for process in made):
            raise RuntimeError("the runs to look at could not be made")
        self.finished = run_folders(self.runs)
        for run in self.finished:
            publish_checkpoint(run / "checkpoints", steps, _write_weights)
        live = ["--rate", "60", "--steps", "10000000", "--name", "live"]
        self.writer = subprocess.Popen([*writer, str(self.runs), *live], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while len(run_folders(self.runs)) == len(self.finished) and time.monotonic() < end:
            time.sleep(0.1)
        self.written = [run for run in run_folders(self.runs) if run not in self.finished]

    def weights(self, chance: random.Random) -> Path:
        """A checkpoint to look into."""
        return chance.choice(self.finished) / "checkpoints"

    def close(self) -> None:
        """Ends the writer of the living run."""
        self.writer.kill()
        self.writer.wait()

    def first_screen(self, chance: random.Random) -> tuple[Path, ...]:
        """The runs to open: none is home, one is watched, several are compared."""
        number = chance.choice((0, 0, 1, 1, 3))
        return tuple(chance.sample(run_folders(self.runs), number))


def _write_weights(folder: Path) -> None:
    """A safetensors file, made by hand: no torch is imported here."""
    header: dict[str, Any] = {}
    data = b""
    for number in range(6):
        values = np.random.default_rng(number).normal(0, 0.1, (16, 16)).astype("<f4")
        name = f"block{number // 2}.layer{number % 2}.weight"
        place = [len(data), len(data) + values.nbytes]
        header[name] = {"dtype": "F32", "shape": [16, 16], "data_offsets": place}
        data += values.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


@contextlib.contextmanager
def harmless(folder: Path) -> Iterator[None]:
    """No key starts a training or another program; settings and files go into `folder`."""
    from dltui.launch import start

    def refuse(*_: Any, **__: Any) -> Any:
        raise UsageError("nothing is started here")

    usual = start.start_run, start.resume_run, DltuiApp.suspend, Path.cwd()
    start.start_run = start.resume_run = refuse
    DltuiApp.suspend = lambda _: contextlib.nullcontext()  # type: ignore[method-assign]
    os.environ.update(
        EDITOR="true",
        XDG_CACHE_HOME=str(folder / "cache"),
        XDG_CONFIG_HOME=str(folder / "config"),
        XDG_DOWNLOAD_DIR=str(folder),
    )
    os.chdir(folder)
    try:
        yield
    finally:
        start.start_run, start.resume_run = usual[:2]
        DltuiApp.suspend = usual[2]  # type: ignore[method-assign]
        os.chdir(usual[3])


class Session:
    """One app, pressed at until it is left or the time is over."""

    def __init__(
        self, world: World, chance: random.Random, meanwhile: Callable[[], None] | None = None
    ):
        """`meanwhile` is called between any two keys."""
        self.pressed: list[str] = []
        self._world = world
        self._chance = chance
        self._meanwhile = meanwhile or (lambda: None)

    def run(self, seconds: float, opened: Sequence[Path] | None = None) -> str | None:
        """What broke, in words; None where nothing did."""
        opened = self._world.first_screen(self._chance) if opened is None else tuple(opened)
        names = ", ".join(path.name for path in opened) or "home"
        try:
            asyncio.run(self._run(seconds, opened))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
            last = " ".join(self.pressed[-15:])
            return f"{names}: {type(error).__name__}: {str(error)[:300]} ({place}) after {last}"
        finally:
            faulthandler.cancel_dump_traceback_later()
        return None

    async def _run(self, seconds: float, opened: tuple[Path, ...]) -> None:
        app = DltuiApp(self._world.runs, open_runs=opened, settings=Settings(self._world.settings))
        size = (self._chance.randint(20, 200), self._chance.randint(8, 60))
        end = time.monotonic() + seconds
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.3)
            if not opened and self._chance.random() < 0.5:
                path = pointed(self._world.weights(self._chance), "latest")
                if path is not None:
                    self.pressed.append("inspect")
                    app.push_screen(InspectScreen(Opening(path)))
            while time.monotonic() < end and app.is_running and app._exit is False:
                # A loop that hangs in a handler cannot be seen from inside it.
                faulthandler.dump_traceback_later(_HANG_S, exit=True, file=sys.__stderr__)
                self._meanwhile()
                await self._act(pilot)

    async def _act(self, pilot: Pilot[Any]) -> None:
        chance = self._chance
        kind = chance.random()
        if kind < 0.06:
            size = chance.choice(((80, 24), (chance.randint(1, 220), chance.randint(1, 70))))
            self.pressed.append("{}x{}".format(*size))
            await pilot.resize_terminal(*size)
        elif kind < 0.10:
            width, height = pilot.app.size
            place = (chance.randrange(max(width, 1)), chance.randrange(max(height, 1)))
            self.pressed.append("click{},{}".format(*place))
            await pilot.click(offset=place)
        elif kind < 0.13:
            text = chance.choice(_TEXTS)
            self.pressed.append(repr(text))
            await pilot.press(*text)
        else:
            # Several at once, as a hand that is quicker than the screen.
            keys = chance.choices(_MOVES if kind < 0.4 else _KEYS, k=chance.choice((1, 1, 3, 8)))
            self.pressed += keys
            await pilot.press(*keys)
