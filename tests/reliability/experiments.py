"""The experiments of `python -m benchmarks.reliability`, in their short form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def tried(name: str, *options: str) -> dict[str, Any]:
    """The row of one experiment, made in a process of its own: children are forked from it."""
    command = [sys.executable, "-m", "benchmarks.reliability", "--only", name, "--json", *options]
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout, done.stderr
    (row,) = json.loads(done.stdout)
    found: dict[str, Any] = row
    return found
