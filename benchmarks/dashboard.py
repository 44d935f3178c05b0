"""What watching a live run costs: CPU share of the dashboard and bytes a second it sends.

    python benchmarks/dashboard.py [--columns 120 --rows 36 --seconds 20 --rate 100 --scalars 20]

A synthetic writer adds 20 scalars at 100 steps a second; the dashboard runs under a pty. Then, with
the run at rest, keys are pressed: how long until all of the answer has come over a link of 50 kB/s.
"""

from __future__ import annotations

import argparse
import fcntl
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


def answer_ms(terminal: int, key: bytes) -> float:
    """Milliseconds from a key to its first byte, and for all its bytes to cross the link."""
    began_s = time.perf_counter()
    os.write(terminal, key)
    select.select([terminal], [], [], 2)
    waited_s = time.perf_counter() - began_s
    return (waited_s + drain(terminal, 0.7) / LINK_BYTES_PER_S) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=36)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--scalars", type=int, default=20)
    args = parser.parse_args()
    settings = ["--rate", str(args.rate), "--steps", "20000", "--scalars", str(args.scalars)]
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
            answers = sorted(answer_ms(terminal, key) for key in (b"3", b"1", b".", b",") * 5)
        finally:
            writer.kill()
            os.write(terminal, b"q")
            drain(terminal, 2)
            process.kill()
            os.waitpid(child, 0)
    print(f"live  {live[0]:6.2f} % of a core  {live[1]:8.0f} bytes/s")
    print(f"idle  {idle[0]:6.2f} % of a core  {idle[1]:8.0f} bytes/s")
    print(f"keys  {statistics.median(answers):6.1f} ms to answer, {answers[-1]:.1f} at most")


def measure(process: psutil.Process, terminal: int, seconds: float) -> tuple[float, float]:
    """CPU share in percent and bytes a second, over so many seconds."""
    before = sum(process.cpu_times()[:2])
    count = drain(terminal, seconds)
    return (sum(process.cpu_times()[:2]) - before) / seconds * 100, count / seconds


if __name__ == "__main__":
    main()
