"""Images as characters: two pixels a cell where there is colour, a ramp of grey where not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dltui.charts.glyphs import Glyphs

Pixels = npt.NDArray[np.uint8]
UPPER_HALF = "▀"
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def fitted_size(image: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) in pixels of an image shown in `room` cells, each 1 × 2 pixels.

    The shape is kept; images are enlarged by whole factors only, so that pixels stay square.
    """
    width, height = image
    scale = min(room[0] / width, 2 * room[1] / height)
    if scale >= 1:
        scale = float(int(scale))
    return max(1, round(width * scale)), max(1, round(height * scale))


def half_block_rows(pixels: Pixels) -> list[list[tuple[int, Pixels, Pixels | None]]]:
    """Rows of runs (cells, upper colour, lower colour) of `pixels`, `(height, width, 3)`.

    The lower colour is None in the last row of an image of odd height.
    """
    rows = []
    for top in range(0, pixels.shape[0], 2):
        upper = pixels[top]
        lower = pixels[top + 1] if top + 1 < pixels.shape[0] else None
        both = upper if lower is None else np.concatenate((upper, lower), axis=1)
        cuts = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
        starts = [0, *cuts.tolist()]
        ends = [*cuts.tolist(), pixels.shape[1]]
        rows.append(
            [
                (end - start, upper[start], None if lower is None else lower[start])
                for start, end in zip(starts, ends, strict=True)
            ]
        )
    return rows


def grey_rows(pixels: Pixels, glyphs: Glyphs) -> list[str]:
    """`pixels`, `(height, width, 3)`, as one character for two pixels, darker to lighter."""
    grey = pixels @ _LUMINANCE / 255
    if grey.shape[0] % 2:
        grey = np.concatenate((grey, grey[-1:]))
    cells = (grey[::2] + grey[1::2]) / 2
    ramp = glyphs.levels if not glyphs.braille else glyphs.shades
    places = np.rint(cells * (len(ramp) - 1)).astype(int)
    return ["".join(ramp[place] for place in row) for row in places.tolist()]
