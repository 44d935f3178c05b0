"""Cells: characters with roles, and dots that become braille or ASCII characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dltui.charts.envelope import Bools
from dltui.charts.glyphs import Glyphs
from dltui.charts.scales import Floats

Chars = npt.NDArray[np.str_]
Roles = npt.NDArray[np.int16]

BLANK, TEXT, QUIET, AXIS, MARK, ALARM, CURSOR, SELECTED, STRONG = range(9)
SERIES = 16
"""First of the series roles: slot `s` draws with `SERIES + 2 s`, its raw curve with one more."""
SHADE = 64
"""First of ten roles from weak to strong, for heat maps and ridges."""
SHADES = 10
ERROR_HEAT = 80
"""First of ten backgrounds from weak to strong: what is wrong in a confusion matrix."""
RIGHT_HEAT = 96
"""First of ten backgrounds: what is right in it."""

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
_GAP = 8


def series_role(slot: int, *, faint: bool = False) -> int:
    """The role of palette slot `slot` (0 to 7, then over again)."""
    return SERIES + 2 * (slot % 8) + faint


def narrow(text: str) -> str:
    """`text` with a `?` for each character that is not one cell wide: a frame has cells."""
    if text.isascii():
        return text
    return "".join("?" if _is_odd(character) else character for character in text)


def _is_odd(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" or unicodedata.category(character) in (
        "Mn",
        "Me",
        "Cf",
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished picture: `chars` and `roles`, both `(height, width)`, one cell each."""

    chars: Chars
    roles: Roles

    @classmethod
    def blank(cls, width: int, height: int) -> Frame:
        return cls(
            np.full((height, width), " ", dtype="<U1"), np.zeros((height, width), dtype=np.int16)
        )

    @classmethod
    def telling(cls, width: int, height: int, *lines: tuple[str, int]) -> Frame:
        """Lines of text, each with its role, in the middle of an empty frame."""
        frame = cls.blank(width, height)
        for place, (line, role) in enumerate(lines, max(0, (height - len(lines)) // 2)):
            frame.write(place, max(0, (width - len(line)) // 2), line[:width], role)
        return frame

    @property
    def width(self) -> int:
        return int(self.chars.shape[1])

    @property
    def height(self) -> int:
        return int(self.chars.shape[0])

    def write(self, row: int, column: int, text: str, role: int) -> int:
        """Puts `text` (single-width characters), cut at the edges; the column after it."""
        end = column + len(text)
        if 0 <= row < self.height and end > 0 and column < self.width:
            left, right = max(column, 0), min(end, self.width)
            self.chars[row, left:right] = list(text[left - column : right - column])
            self.roles[row, left:right] = role
        return end

    def spans(self, row: int) -> Iterator[tuple[str, int]]:
        """The runs of one role in a row: (text, role)."""
        roles = self.roles[row]
        cuts = np.flatnonzero(roles[1:] != roles[:-1]) + 1
        text = "".join(self.chars[row].tolist())
        edges = [0, *cuts.tolist(), len(text)]
        for left, right in pairwise(edges):
            if right > left:
                yield text[left:right], int(roles[left])

    def lines(self) -> list[str]:
        """The characters alone, a string a row, for tests and plain output."""
        return ["".join(row) for row in self.chars.tolist()]

    def changes(self, former: Frame) -> list[tuple[int, int, int]] | None:
        """What differs from `former` as (row, column, width); None if the sizes differ."""
        if former.chars.shape != self.chars.shape:
            return None
        different = (self.chars != former.chars) | (self.roles != former.roles)
        regions: list[tuple[int, int, int]] = []
        for row in np.flatnonzero(different.any(axis=1)).tolist():
            columns = np.flatnonzero(different[row])
            cuts = np.flatnonzero(np.diff(columns) > _GAP) + 1
            regions.extend(
                (row, int(part[0]), int(part[-1] - part[0]) + 1) for part in np.split(columns, cuts)
            )
        return regions


class Dots:
    """A canvas of 2 × 4 dots a cell; each cell has the role of what was drawn there last."""

    def __init__(self, width: int, height: int):
        self.width = width
        self.height = height
        self.dots: Bools = np.zeros((height * 4, width * 2), dtype=np.bool_)
        self.roles: Roles = np.zeros((height, width), dtype=np.int16)

    def draw_spans(self, top: Floats, bottom: Floats, role: int, *, cover: bool = False) -> None:
        """Fills each dot column from row `top` to row `bottom`, both `(2 · width,)`.

        Rows count down from 0 and are rounded; NaN leaves the column empty. `cover` clears what
        other curves drew in the cells touched.
        """
        rows = np.arange(self.height * 4)[:, None]
        with np.errstate(invalid="ignore"):
            drawn = (rows >= np.rint(top)[None, :]) & (rows <= np.rint(bottom)[None, :])
        cells = drawn.reshape(self.height, 4, self.width, 2).any(axis=(1, 3))
        if cover:
            self.dots &= ~np.repeat(np.repeat(cells, 4, axis=0), 2, axis=1)
        self.dots |= drawn
        self.roles[cells] = role

    def paint(self, frame: Frame, row: int, column: int, glyphs: Glyphs) -> None:
        """Puts the cells that hold dots onto `frame` with their top left corner there."""
        cells = self.dots.reshape(self.height, 4, self.width, 2).transpose(0, 2, 1, 3)
        patterns = (cells * _BITS).sum(axis=(2, 3), dtype=np.uint8)
        characters = _braille() if glyphs.braille else _ascii()
        filled = patterns > 0
        area = np.s_[row : row + self.height, column : column + self.width]
        frame.chars[area][filled] = characters[patterns[filled]]
        frame.roles[area][filled] = self.roles[filled]


@cache
def _braille() -> Chars:
    return np.array([chr(0x2800 + pattern) for pattern in range(256)])


@cache
def _ascii() -> Chars:
    return np.array([_ascii_character(pattern) for pattern in range(256)])


def _ascii_character(pattern: int) -> str:
    """The ASCII character whose ink lies where the dots of a braille pattern are."""
    rows = [i for i in range(4) if any(pattern & int(bit) for bit in _BITS[i])]
    if not rows:
        return " "
    if len(rows) >= 3:
        return "|"
    middle = sum(rows) / len(rows)
    return "'" if middle < 0.75 else "-" if middle < 2.25 else "."
