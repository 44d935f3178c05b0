"""Where the pictures of a sheet go: all of them where they stay legible, else a part to move in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

_LEAST_PIXELS = 14
"""Below this a digit is no digit any more."""
_TOGETHER_PIXELS = 10
"""Of pictures that are compared row by row: so few still show what is where."""
_LABELS_SHARE = 4


def legible_pixels(longer: int) -> int:
    """What the longer side keeps; large pictures need more than small ones.

    A person reads a picture's outline at about the square root of its pixels, times three.
    """
    return min(longer, max(_LEAST_PIXELS, round(3 * math.sqrt(longer))))


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """A sheet in cells of 1 × 2 pixels; `scale` enlarges by whole factors or shrinks.

    `columns` × `rows` pictures are visible at once. Each has `pitch` cells across, the first of
    them free for the cursor, and `picture_rows` down, with a caption below where `captions`.
    """

    scale: float
    columns: int
    rows: int
    pitch: int
    picture_cells: int
    picture_rows: int
    label_cells: int
    captions: bool

    @property
    def row_cells(self) -> int:
        """Rows of cells from one row of pictures to the next."""
        return self.picture_rows + 1

    def column_at(self, place: int) -> int:
        """The cell column where the visible picture column `place` begins, its gap left out."""
        return self.label_cells + place * self.pitch + 1

    def visible(self, first: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """(row, column) of the sheet at each visible place, from `first` on."""
        for row in range(first[0], first[0] + self.rows):
            for column in range(first[1], first[1] + self.columns):
                yield row, column


def sheet_layout(
    grid: tuple[int, int],
    picture: tuple[int, int],
    room: tuple[int, int],
    *,
    longest_caption: int = 0,
    longest_label: int = 0,
    at_least: float = 0.0,
) -> SheetLayout:
    """The layout of `grid` (columns, rows) pictures of `picture` (width, height) pixels.

    `room` is (width, height) in cells. Captions go first where the height is short; where even so
    the pictures would be too small to read, fewer are shown. `at_least` is the scale that is
    wanted, however few are shown then; one picture always fits.
    """
    columns, rows = grid
    labels = min(longest_label, room[0] // _LABELS_SHARE) + 1 if longest_label else 0
    width = max(2, room[0] - labels)
    longer = max(picture)
    least = legible_pixels(longer) / longer
    scale = min((width / columns - 1) / picture[0], 2 * (max(room[1], 1) / rows - 1) / picture[1])
    alone = min((width - 1) / picture[0], 2 * max(room[1] - 1, 1) / picture[1])
    if scale < least:
        all_rows = 2 * (room[1] / rows - 1) / picture[1]
        # Rows belong together (input and output): they are kept in sight as long as can be.
        together = all_rows * longer >= min(_TOGETHER_PIXELS, longer)
        scale = min(all_rows if together else least, least, alone)
    elif scale >= 1:
        scale = float(int(scale))
    scale = max(scale, min(at_least, float(int(alone)) or alone), 1 / longer)
    cells = max(1, round(picture[0] * scale))
    picture_rows = max(1, (round(picture[1] * scale) + 1) // 2)
    shown_rows = max(1, min(rows, (room[1] + 1) // (picture_rows + 1)))
    shown_columns = max(1, min(columns, width // (cells + 1)))
    pitch = min(max(cells, longest_caption) + 1, max(cells + 1, width // shown_columns))
    captions = longest_caption > 0 and shown_rows * (picture_rows + 1) <= room[1]
    return SheetLayout(
        scale, shown_columns, shown_rows, pitch, cells, picture_rows, labels, captions
    )
