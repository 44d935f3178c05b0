"""How fast `dltui` answers: CPU seconds of `--help`, and its first frame against an empty app.

    python benchmarks/startup.py [--rounds 9]

The first frame is the moment at which a terminal has been sent one whole screen: both programs
run under a pseudo-terminal of 120×36, in turns, and the medians are compared. Exit code 1 where a
budget is exceeded or torch was imported.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

HELP_BUDGET_S = 0.25
FRAME_BUDGET = 1.3
HEAVY = ("torch", "torchvision", "sklearn", "numpy")
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("first frame")
Empty().run()
"""
HOME = "import sys; sys.argv = ['dltui']; from dltui.cli import main; main()"
A_RECIPE = b"mlp-wine"
# Textual asks for synchronised output around each frame, so that the end of one is seen.
END_OF_FRAME = b"\x1b[?2026l"
MODE_REPLY = b"\x1b[?2026;2$y"


def help_cpu_s() -> float:
    """CPU seconds, user and system, of `dltui --help` in a fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "dltui", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def first_frame_s(code: str, shown: bytes, environment: dict[str, str], folder: Path) -> float:
    """Seconds from the start of the interpreter to a frame in which `shown` stands."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-c", code], environment)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        output = b""
        answered = False
        while shown not in output or END_OF_FRAME not in output.partition(shown)[2]:
            if not select.select([terminal], [], [], 60)[0]:
                raise TimeoutError(f"no frame within a minute: {output[-2000:]!r}")
            try:
                output += os.read(terminal, 65536)
            except OSError as error:  # the program has ended
                raise RuntimeError(output.decode(errors="replace")[-3000:]) from error
            if not answered and b"\x1b[?2026$p" in output:
                answered = True
                os.write(terminal, MODE_REPLY)
        return time.perf_counter() - start
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def heavy_modules(environment: dict[str, str]) -> list[str]:
    """Of `HEAVY`, what is loaded once the home screen has been composed."""
    code = (
        "import sys, asyncio\n"
        "from dltui.ui.app import DltuiApp\n"
        "async def look():\n"
        "    async with DltuiApp().run_test(size=(120, 36)):\n"
        f"        print(*(name for name in {HEAVY!r} if name in sys.modules))\n"
        "asyncio.run(look())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "DLTUI_RUNS": str(folder / "runs"),
            "TERM": "xterm-256color",
        }
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        help_s = min(help_cpu_s() for _ in range(max(3, rounds // 2)))
        empty: list[float] = []
        home: list[float] = []
        filled: list[float] = []
        first_frame_s(HOME, b"recipes", environment, folder)  # fills the file cache
        for _ in range(rounds):
            empty.append(first_frame_s(EMPTY, b"first frame", environment, folder))
            home.append(first_frame_s(HOME, b"recipes", environment, folder))
            filled.append(first_frame_s(HOME, A_RECIPE, environment, folder))
        heavy = heavy_modules(environment)
    ratio = statistics.median(home) / statistics.median(empty)
    print(f"dltui --help: {help_s:.3f} s of CPU (budget {HELP_BUDGET_S})")
    print(f"first frame of an empty Textual app: {statistics.median(empty):.3f} s")
    print(f"first frame of dltui: {statistics.median(home):.3f} s")
    print(f"recipes listed in dltui: {statistics.median(filled):.3f} s")
    print(f"ratio {ratio:.2f} (budget {FRAME_BUDGET}), of the fastest {min(home) / min(empty):.2f}")
    print(f"heavy modules at the first frame: {', '.join(heavy) or 'none'}")
    return int(help_s > HELP_BUDGET_S or ratio > FRAME_BUDGET or "torch" in heavy)


if __name__ == "__main__":
    sys.exit(main())
