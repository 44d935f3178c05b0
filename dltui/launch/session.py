"""Whether the end of a login session would end its processes, and how to be spared.

systemd-logind with `KillUserProcesses=yes` kills whatever a session started, new session or not;
a scope of the user's own manager is not part of it (logind.conf(5), systemd-run(1)).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

_ASK_S = 3.0


def outliving(command: Sequence[str], unit: str) -> tuple[list[str], str | None]:
    """The command, wrapped in a scope where logind would kill it, and a warning if any."""
    if not _logind_kills():
        return list(command), None
    if shutil.which("systemd-run") is None or "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        return list(command), (
            "this machine ends all processes of a login when it ends (KillUserProcesses=yes)"
            " and systemd-run is not available: keep a session open while training"
        )
    warning = None
    if _answer("loginctl", "show-user", str(os.getuid()), "--property=Linger") == "Linger=no":
        warning = (
            "this machine ends a user's processes with the last login:"
            " run `loginctl enable-linger` once to train on"
        )
    scope = ["systemd-run", "--user", "--scope", "--quiet", "--collect", f"--unit={unit}", "--"]
    return [*scope, *command], warning


def _logind_kills() -> bool:
    """Only inside a login session of a system that systemd runs."""
    if sys.platform != "linux" or "XDG_SESSION_ID" not in os.environ:
        return False
    bus = "org.freedesktop.login1"
    question = ("busctl", "get-property", bus, "/org/freedesktop/login1", f"{bus}.Manager")
    return _answer(*question, "KillUserProcesses") == "b true"


def _answer(*command: str) -> str | None:
    """What a system tool prints, None if it is not there or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
