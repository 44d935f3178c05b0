"""Which process is which: a pid alone is reused, (boot id, pid, start time) is not."""

from __future__ import annotations

import functools
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot of one machine. `start_time` is in the platform's own clock."""

    boot_id: str
    pid: int
    start_time: float
    host: str

    @property
    def is_local(self) -> bool:
        """Whether the pid means something here: same machine, same pid namespace by host name."""
        return self.host == host_name()

    def is_running(self) -> bool:
        """Whether exactly this process runs on this machine now; a zombie does not run."""
        return self.is_local and process_identity(self.pid) == self


def process_identity(pid: int | None = None) -> ProcessIdentity | None:
    """The identity of a running process (`None`: this one), None if there is no such process."""
    pid = os.getpid() if pid is None else pid
    start_time = _linux_start_time(pid) if sys.platform == "linux" else _psutil_start_time(pid)
    if start_time is None:
        return None
    return ProcessIdentity(boot_id(), pid, start_time, host_name())


@functools.cache
def boot_id() -> str:
    """A text that changes with every boot."""
    if sys.platform == "linux":
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    import psutil  # no part of the start-up of Linux processes

    # Derived from uptime and clock there, so it can differ by a second within one boot.
    return f"boot-{round(psutil.boot_time() / 10)}"


@functools.cache
def host_name() -> str:
    """The name of this machine or container."""
    return socket.gethostname()


def _linux_start_time(pid: int) -> float | None:
    """Field 22 of /proc/PID/stat, clock ticks since boot (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    return float(fields[19])


def _psutil_start_time(pid: int) -> float | None:
    import psutil  # where there is no /proc

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(float(process.create_time()), 2)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
