"""Opening a file in a process of its own, to see what it costs there."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_CODE = """
import sys
from pathlib import Path
from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
try:
    found = open_checkpoint(Path(sys.argv[1]))
    said = f"{len(found.tensors)} tensors"
except CheckpointError as error:
    said = f"refused: {error}"
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak[0], said)
"""

LIMIT_MIB = 200
"""What opening any file may take."""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """How opening a file went."""

    peak_mib: float
    said: str
    """`3 tensors`, or `refused: ` and the message."""


def opened_apart(path: Path, timeout_s: float = 240) -> Opened:
    """Opens it with `open_checkpoint` in a fresh process; a hang fails after `timeout_s`."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(path)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=True,
    )
    kib, said = done.stdout.split(" ", 1)
    return Opened(int(kib) / 1024, said)
