"""Starting and steering workers: processes of their own that outlive the terminal.

More than one machine through a batch system is not here yet; within a batch job `dltui train`
works as on any machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.launch.control import kill_run, send_command
    from dltui.launch.description import describe
    from dltui.launch.start import resume_run, start_run

_HOMES = {
    "describe": "description",
    "kill_run": "control",
    "resume_run": "start",
    "send_command": "control",
    "start_run": "start",
}

__all__ = ["describe", "kill_run", "resume_run", "send_command", "start_run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
