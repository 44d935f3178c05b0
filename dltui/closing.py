"""What holds a file or a process, and lets it go at the end of a `with`."""

from __future__ import annotations

from typing import Self


class Closing:
    """`with Source(path) as source:` closes it at the end, also where an error ends the block."""

    __slots__ = ()

    def close(self) -> None:
        """Let go of what is held; a second time is harmless."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
