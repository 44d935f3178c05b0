"""What watching a live run costs: CPU share, bytes a second it sends, memory and its growth.

    python benchmarks/dashboard.py [--columns 120 --rows 36 --seconds 20 --rate 100 --scalars 20]

A synthetic writer adds 20 scalars at 100 steps a second; the dashboard runs under a pty. Then, with
the run at rest, keys are pressed: how long until the first frame of the answer, and all of it, has
crossed a link of 50 kB a second.
"""

from __future__ import annotations

import argparse
import fcntl
import math
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_WATCH = (
    "import sys; from pathlib import Path; from dltui.ui.app import DltuiApp; "
    "run = Path(sys.argv[1]); DltuiApp(run.parent, open_runs=(run,)).run()"
)


def drain(terminal: int, seconds: float) -> int:
    """Reads what the dashboard sends for so long; the bytes."""
    end, count = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                count += len(os.read(terminal, 65536))
            except OSError:  # Linux says so when the other end of a pty has gone
                break
    return count


LINK_BYTES_PER_S = 50_000
KEYS = (b"3", b"1", b".", b",", b"4", b"8", b"1")
"""Another pane, back, the cursor of a chart, panes again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Milliseconds from a key to what it sends, over the link; how many bytes that is."""

    first_ms: float
    whole_ms: float
    size_bytes: int


def answer(terminal: int, key: bytes) -> Answer:
    """What a key sends: until its first frame has crossed the link, and until all of it has.

    The link is at work on one frame while the dashboard makes the next.
    """
    began_s = time.perf_counter()
    os.write(terminal, key)
    first_ms, crossed_s, count = math.nan, 0.0, 0
    while select.select([terminal], [], [], 2.0 if not count else 0.5)[0]:
        arrived_s = time.perf_counter() - began_s
        size = len(os.read(terminal, 65536))
        count += size
        crossed_s = max(crossed_s, arrived_s) + size / LINK_BYTES_PER_S
        if math.isnan(first_ms):
            first_ms = crossed_s * 1000
    return Answer(first_ms, crossed_s * 1000, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=36)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--scalars", type=int, default=20)
    args = parser.parse_args()
    steps = int(args.rate * (args.seconds + 60))
    settings = ["--rate", str(args.rate), "--steps", str(steps), "--scalars", str(args.scalars)]
    with tempfile.TemporaryDirectory() as folder:
        writer = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("synthetic_run.py")), folder, *settings],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        run = writer.stdout.readline().strip()
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.execv(sys.executable, [sys.executable, "-c", _WATCH, run])
        size = struct.pack("HHHH", args.rows, args.columns, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        process = psutil.Process(child)
        try:
            drain(terminal, 6)
            live = measure(process, terminal, args.seconds)
            writer.kill()
            writer.wait()
            drain(terminal, 4)
            idle = measure(process, terminal, args.seconds)
            answers = [answer(terminal, key) for key in KEYS * 3]
        finally:
            writer.kill()
            os.write(terminal, b"q")
            drain(terminal, 2)
            process.kill()
            os.waitpid(child, 0)
    for name, cost in (("live", live), ("idle", idle)):
        print(
            f"{name}  {cost.cpu_percent:6.2f} % of a core  {cost.bytes_per_s:8.0f} bytes/s  "
            f"{cost.memory_mib:6.1f} MiB, growing by {cost.growth_mib_per_min:.1f} MiB/min"
        )
    for name, figures in (
        ("first ms", [answer.first_ms for answer in answers]),
        ("whole ms", [answer.whole_ms for answer in answers]),
        ("bytes", [float(answer.size_bytes) for answer in answers]),
    ):
        print(
            f"keys  {name:8} {statistics.median(figures):6.0f} median {max(figures):6.0f} at most"
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What the dashboard took over a while; the memory is what it held at the end."""

    cpu_percent: float
    bytes_per_s: float
    memory_mib: float
    growth_mib_per_min: float


def measure(process: psutil.Process, terminal: int, seconds: float) -> Cost:
    """What it takes over so many seconds."""
    cpu_s, held = sum(process.cpu_times()[:2]), process.memory_info().rss
    count = drain(terminal, seconds)
    cpu_s, grown = sum(process.cpu_times()[:2]) - cpu_s, process.memory_info().rss - held
    return Cost(
        cpu_s / seconds * 100,
        count / seconds,
        (held + grown) / 2**20,
        grown / 2**20 / seconds * 60,
    )


if __name__ == "__main__":
    main()
