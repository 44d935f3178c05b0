"""How files that cannot be used are told: a few by name, of the others the number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dltui.errors import DataError

NAMED = 5
"""So many of a list are named; of the others the number is told."""


def all_broken(
    part: str, files: Sequence[Path], root: Path, why: str = "", *, what: str = "images"
) -> DataError:
    """The error of a part without a sound file."""
    whose = "" if part == "all" else f" of {part}"
    return DataError(
        f"none of the {len(files):,} {what}{whose} can be read{why and ': '}{why}",
        where=str(root),
        remedy=f"Check {files[0]}.",
    )


def skipped_note(what: str, names: Sequence[str], root: Path) -> tuple[str, ...]:
    """`3 broken images skipped: a.png, b.png, c.png`, without the folder that all lie in."""
    if not names:
        return ()
    listed = ", ".join(name.removeprefix(f"{root}/") for name in names[:NAMED])
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (f"{len(names):,} {what} skipped: {listed}{more}",)
