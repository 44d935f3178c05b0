"""`dltui convert IN OUT`: a checkpoint in another format, type or extent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, cast

from dltui.cli.checkpoints import checkpoint_path, print_json, print_lines, progress_bar
from dltui.errors import UsageError

if TYPE_CHECKING:
    from dltui.inspect.convert import Converted, Wanted


def convert(
    source: str, out: Path, wanted: Wanted, runs: Path | None, *, force: bool, as_json: bool
) -> int:
    """Writes `out` and prints what was written and what got lost; 0.

    Raises CheckpointError where `source` cannot be read, UsageError where `out` cannot be written.
    """
    from dltui.inspect import open_checkpoint
    from dltui.inspect.convert import convert

    checkpoint = open_checkpoint(checkpoint_path(source, runs))
    with _ended_in_order(), progress_bar("converting") as show:
        done = convert(checkpoint, out, wanted, replace=force, on_progress=show)
    found = _json(done)
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found))
    return 0


def wanted(dtype: str | None, only: str | None, optimizer: bool) -> Wanted:
    """What the options ask for. Raises UsageError on a part that there is not."""
    from dltui.inspect.convert import Wanted

    if only not in (None, "model", "ema"):
        raise UsageError(f"there is no part {only!r}", remedy="--only model or --only ema")
    return Wanted(dtype, cast("Literal['model', 'ema'] | None", only), optimizer)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends this as Ctrl-C does: what was begun is taken away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _json(done: Converted) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "format": done.format,
        "bytes": done.size_bytes,
        "tensors": done.tensors,
        "cast": done.cast,
        "overflowed": [{"name": name, "values": count} for name, count in done.overflowed],
        "vanished": [{"name": name, "values": count} for name, count in done.vanished],
        "left_out": list(done.left_out),
        "notes": list(done.notes),
    }


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from dltui.inspect.text import size_text

    yield (
        f"{found['path']}  {size_text(found['bytes'])}  {found['format']}  "
        f"{found['tensors']:,} tensors, {found['cast']:,} cast"
    )
    if found["left_out"]:
        yield f"left out: {', '.join(found['left_out'])}"
    yield from found["notes"]
    for key, became in (("overflowed", "infinite"), ("vanished", "zero")):
        lost = found[key]
        if lost:
            total = sum(entry["values"] for entry in lost)
            yield f"{total:,} values of {len(lost):,} tensors became {became}:"
            yield from (f"  {entry['name']}  {entry['values']:,}" for entry in lost)
