"""Which part of what does not fit is shown."""

from __future__ import annotations


def scrolled(first: int, cursor: int, shown: int, count: int) -> int:
    """The first visible place so that the cursor is in sight and no room is left empty."""
    first = min(max(first, cursor - shown + 1), cursor)
    return max(0, min(first, count - shown))
