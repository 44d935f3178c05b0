"""Mounts that only one command sees."""

from __future__ import annotations

import shutil
import subprocess


def unshared(mounts: str, command: list[str]) -> list[str]:
    """`command` where the shell line `mounts` was run before, unseen by all others."""
    script = f'{mounts} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


def can_unshare() -> bool:
    """Whether this user may mount at all."""
    if shutil.which("unshare") is None:
        return False
    tried = unshared("mount -t tmpfs none /run", ["true"])
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0
