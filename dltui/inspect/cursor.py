"""Reading a file forwards in small steps: numbers and short texts, with what is between skipped."""

from __future__ import annotations

from struct import Struct

from dltui.errors import CheckpointError
from dltui.inspect.source import Source

_WINDOW_BYTES = 1 << 16


class Cursor:
    """A position in the range from `begin` to `end` of a file.

    Small steps are served from a window of 64 KiB; what is skipped is not read. Every method raises
    CheckpointError where a step leads out of the range.
    """

    def __init__(self, source: Source, begin: int, end: int):
        self.source = source
        self.position = begin
        self.end = end
        self._window = b""
        self._window_begin = begin

    @property
    def left(self) -> int:
        """Bytes from here to the end of the range."""
        return self.end - self.position

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        at = self._at(size)
        self.position += size
        return self._window[at : at + size]

    def unpack(self, layout: Struct) -> tuple[int, ...]:
        """The next numbers, as `layout` has them."""
        at = self._at(layout.size)
        self.position += layout.size
        return layout.unpack_from(self._window, at)

    def window(self, least: int) -> bytes:
        """What follows, without a step: at least `least` bytes, and as many as are at hand."""
        at = self._at(least)
        return self._window[at:]

    def skip(self, size: int) -> None:
        """Go on by `size` bytes."""
        if size < 0 or size > self.left:
            raise self._beyond(size)
        self.position += size

    def go_to(self, position: int) -> None:
        """Go on at this byte of the file, also backwards."""
        if position > self.end:
            raise self._beyond(position - self.position)
        self.position = position

    def _at(self, size: int) -> int:
        """Where the next `size` bytes begin in the window, which is moved there if need be."""
        if size < 0 or size > self.left:
            raise self._beyond(size)
        at = self.position - self._window_begin
        if at < 0 or at + size > len(self._window):
            wanted = min(max(size, _WINDOW_BYTES), self.left)
            self._window = self.source.read(self.position, wanted)
            self._window_begin, at = self.position, 0
        return at

    def _beyond(self, size: int) -> CheckpointError:
        return CheckpointError(
            f"{size:,} bytes are asked for at byte {self.position:,}, where {self.left:,} are left",
            where=str(self.source.path),
            remedy="the file is truncated or damaged; copy it again",
        )
