"""Prints the description it was given, then becomes the obedient worker of the run it is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

description, worker = sys.argv[1:]
print(description, flush=True)
chosen = sys.stdin.readline().rstrip("\n")
if chosen:
    log = os.open(Path(chosen) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.execv(sys.executable, [sys.executable, worker, chosen])
