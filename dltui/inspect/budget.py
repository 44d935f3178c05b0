"""How much memory opening one file may take, whatever the file says."""

from __future__ import annotations

from pathlib import Path

from dltui.errors import CheckpointError

BUDGET_BYTES = 160 << 20
"""With the interpreter's own 15 MB below 200 MB; a file of 80,000 tensors needs 140 MB."""


class Budget:
    """Memory that a file's content has taken so far, by estimates that are never too low."""

    def __init__(self, path: Path, size_bytes: int = BUDGET_BYTES, *, within: Budget | None = None):
        """`within` is what several files have together, of which this one takes its part."""
        self.path = path
        self.left_bytes: int = size_bytes if within is None else min(size_bytes, within.left_bytes)
        self._within = within

    def take(self, size_bytes: int) -> None:
        """Raises CheckpointError where the file asks for more than there is."""
        self.left_bytes -= size_bytes
        if self._within is not None:
            self._within.take(size_bytes)
        if self.left_bytes < 0:
            self.check(0)

    def give_back(self, size_bytes: int) -> None:
        """What was taken and is no longer in memory."""
        self.left_bytes += size_bytes
        if self._within is not None:
            self._within.give_back(size_bytes)

    def check(self, size_bytes: int) -> None:
        """Raises CheckpointError where so much more is not there; for what is soon gone again."""
        if self.left_bytes < size_bytes:
            raise CheckpointError(
                "to list it would take more memory than any real checkpoint needs",
                where=str(self.path),
                remedy="it was made to do harm, or is not a checkpoint",
            )
