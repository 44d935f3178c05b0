"""`dltui inspect FILE`: the screen in a terminal, else text or one JSON value.

Listing a file must not wait for anything: what a view needs is imported when it is asked for.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from dltui.cli.checkpoints import checkpoint_path
from dltui.records import record


@record
class Look:
    """What of a checkpoint is wanted, and how."""

    file: str
    """A path, or a run as `checkpoint_path` takes it."""
    runs: Path | None = None
    view: str | None = None
    tensor: str | None = None
    part: str | None = None
    """As in Python: `0:3, :`."""
    filter: str | None = None
    """Which tensors are listed, as `Selection` reads it."""
    stats: bool = False
    as_json: bool = False
    as_text: bool = False
    """Text, also where there is a terminal for the screen."""


def simple_look(arguments: Sequence[str]) -> Look | None:
    """`FILE`, and `FILE --json` in either order, which need no parser; None for all others."""
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return Look(arguments[0])
    if len(arguments) != 2 or "--json" not in arguments:
        return None
    file = arguments[1 - arguments.index("--json")]
    return None if file.startswith("-") else Look(file, as_json=True)


def inspect(look: Look) -> int:
    """Prints what is wanted; 0 whatever is found. Raises CheckpointError, UsageError."""
    path = checkpoint_path(look.file, look.runs)
    if _wants_screen(look):
        from dltui.cli.screens import open_inspection

        return open_inspection(path)
    # What is made here stays until it is printed: to look for garbage among it only takes time.
    gc.disable()
    try:
        from dltui.cli.listing import print_look

        print_look(path, look)
    finally:
        gc.enable()
    return 0


def _wants_screen(look: Look) -> bool:
    """Whether nothing but the file is asked for, in a terminal."""
    asked = (look.view, look.tensor, look.part, look.filter, look.stats or None)
    is_plain = look.as_json or look.as_text or any(each is not None for each in asked)
    return not is_plain and sys.stdin.isatty() and sys.stdout.isatty()
