"""A real terminal for tests: tmux on a socket of its own, driven by keys and read as text."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil


class Terminal:
    """One tmux session of a fixed size that runs one command."""

    def __init__(
        self, command: list[str], *, size: tuple[int, int], env: Mapping[str, str], cwd: Path
    ):
        self.socket = f"dltui-test-{uuid.uuid4().hex[:8]}"
        columns, rows = size
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
        # The terminal has its own size; these two would overrule it.
        program = f"env -u COLUMNS -u LINES {exports} {shlex.join(command)}"
        self._tmux(
            "-f/dev/null",
            "new-session",
            "-d",
            "-smain",
            f"-x{columns}",
            f"-y{rows}",
            f"-c{cwd}",
            f"{program}; echo exit code $?; sleep 1000",
        )
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("resize-window", "-t", "main", "-x", str(columns), "-y", str(rows))

    def keys(self, *keys: str) -> None:
        """Type tmux key names: `Enter`, `Escape`, `Down`, `C-s`, or text."""
        for key in keys:
            self._tmux("send-keys", "-t", "main", key)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "main", "-l", text)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "main")

    def wait_for(self, wanted: str | Callable[[str], bool], timeout_s: float = 60) -> str:
        """The first screen that holds `wanted`; fails with the last one."""
        holds = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            text = self.screen()
            if holds(text):
                return text
            time.sleep(0.1)
        raise AssertionError(f"{wanted!r} is not on the screen:\n{self.screen()}")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "main", "-x", str(columns), "-y", str(rows))

    def program(self) -> psutil.Process:
        """The process of the command itself, below tmux and its shell."""
        shell = psutil.Process(int(self._tmux("list-panes", "-F", "#{pane_pid}").split()[0]))
        found = [child for child in shell.children(recursive=True) if child.name() != "sh"]
        assert found, f"no program runs in the terminal:\n{self.screen()}"
        return found[0]

    def hang_up(self) -> None:
        """The terminal goes away, as when an SSH connection drops."""
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout


def dltui(*arguments: str) -> list[str]:
    """The command line of this checkout's dltui."""
    return [sys.executable, "-m", "dltui", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """Settings, caches and runs below `folder`, so that tests leave nothing behind."""
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "DLTUI_RUNS": str(folder / "runs"),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
