"""What `dltui inspect` prints: the whole of a file, or one view, as text or as one JSON value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.cli.checkpoints import print_json, print_lines, progress_bar
from dltui.cli.inspect import Look
from dltui.errors import UsageError
from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.describe import OF_ONE_TENSOR, VIEWS, Ask, find, whole
from dltui.inspect.opening import open_checkpoint


def print_look(path: Path, look: Look) -> None:
    """Raises CheckpointError, UsageError."""
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


def _check(view: str | None, look: Look) -> None:
    """Raises UsageError on a view that there is not, or that lacks its tensor."""
    if view is not None and view not in VIEWS:
        raise UsageError(f"there is no view {view!r}", remedy=f"views: {', '.join(VIEWS)}")
    if view in OF_ONE_TENSOR and look.tensor is None:
        raise UsageError(f"--view {view} is of one tensor", remedy="name it with --tensor")
    if look.part is not None and view != "values":
        raise UsageError("--slice goes with --view values and --tensor")
