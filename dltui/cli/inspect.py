"""`dltui inspect FILE`: the screen in a terminal, else text or one JSON value.

Listing a file must not wait for anything: what a view needs is imported when it is asked for.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dltui.cli.checkpoints import checkpoint_path, print_json, print_lines, progress_bar
from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.describe import OF_ONE_TENSOR, VIEWS, Ask, find, whole
from dltui.inspect.opening import open_checkpoint
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
        _print(path, look)
    finally:
        gc.enable()
    return 0


def _print(path: Path, look: Look) -> None:
    view = look.view or ("values" if look.tensor else None)
    _check(view, look)
    checkpoint = open_checkpoint(path)
    found = _seen(checkpoint, whole if view is None else VIEWS[view], look)
    if look.as_json:
        print_json(found)
        return
    from dltui.inspect.text import LINES, whole_lines

    print_lines(whole_lines(found) if view is None else LINES[view](found))


def _seen(checkpoint: Checkpoint, view: Callable[[Checkpoint, Ask], Any], look: Look) -> Any:
    tensor = find(checkpoint, look.tensor) if look.tensor is not None else None
    tensors = (tensor,) if tensor is not None else _filtered(checkpoint, look)
    with progress_bar("reading") as show:
        return view(checkpoint, Ask(tensor, look.part, tensors, look.stats, show))


def _filtered(checkpoint: Checkpoint, look: Look) -> tuple[Tensor, ...]:
    if look.filter is None:
        return checkpoint.tensors
    from dltui.inspect.selection import Selection

    return Selection.parse(look.filter).of(checkpoint.tensors)


def _wants_screen(look: Look) -> bool:
    """Whether nothing but the file is asked for, in a terminal."""
    asked = (look.view, look.tensor, look.part, look.filter, look.stats or None)
    is_plain = look.as_json or look.as_text or any(each is not None for each in asked)
    return not is_plain and sys.stdin.isatty() and sys.stdout.isatty()


def _check(view: str | None, look: Look) -> None:
    """Raises UsageError on a view that there is not, or that lacks its tensor."""
    if view is not None and view not in VIEWS:
        raise UsageError(f"there is no view {view!r}", remedy=f"views: {', '.join(VIEWS)}")
    if view in OF_ONE_TENSOR and look.tensor is None:
        raise UsageError(f"--view {view} is of one tensor", remedy="name it with --tensor")
    if look.part is not None and view != "values":
        raise UsageError("--slice goes with --view values and --tensor")
