"""What an evaluation left to look at: pictures, texts, pairs, series and latent maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from dltui.charts.band_plot import Forecast
from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader, Frame
from dltui.runs.sheets import read_pairs, read_pictures
from dltui.ui.frames import (
    evaluated,
    names_in,
    number_in,
    samples_in,
    step_in,
    step_place,
)
from dltui.ui.snapshot import LatentAt, PairsAt, PicturesAt, SeriesAt, TextAt, Wanted

At = TypeVar("At", bound=TextAt | PicturesAt | PairsAt)
T = TypeVar("T")
_MOST_PICTURES = 256
_MOST_SERIES = 64
_MOST_POINTS = 100_000
_FALLBACK_CLASS = "all"


class SampleReader:
    """The sample folders of one run; a step is read anew only where its JSON was replaced."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[Path, int]] = {}

    def text(self, folders: Sequence[Path], wanted: Wanted, former: TextAt | None) -> TextAt | None:
        """The sampled text of the wanted step; folders oldest first."""
        return self._at("text", folders, wanted, former, _text)

    def pictures(
        self, folders: Sequence[Path], wanted: Wanted, former: PicturesAt | None
    ) -> PicturesAt | None:
        """The sheet of the wanted step with the bytes of its files; folders oldest first."""
        return self._at("pictures", folders, wanted, former, _pictures)

    def pairs(
        self, folders: Sequence[Path], wanted: Wanted, former: PairsAt | None
    ) -> PairsAt | None:
        """The text pairs of the wanted step; folders oldest first."""
        return self._at("pairs", folders, wanted, former, _pairs)

    def _at(
        self,
        kind: str,
        folders: Sequence[Path],
        wanted: Wanted,
        former: At | None,
        read: Callable[[Path, tuple[int, ...], int], At | None],
    ) -> At | None:
        """The former content where its file is the same, else what `read` makes of it."""
        if not folders:
            return None
        steps, place = _moment(folders, wanted)
        key = _key(folders[place], kind)
        if former is not None and key == self._shown.get(kind):
            return _moved(former, steps, place)
        found = read(folders[place], steps, place)
        if found is None:
            return former
        self._shown[kind] = key
        return found


def _text(folder: Path, steps: tuple[int, ...], place: int) -> TextAt | None:
    plain = samples_in(folder, "text")
    if plain is None:
        return None
    samples = plain.get("samples")
    return TextAt(
        steps,
        place,
        str(plain.get("prompt", "")),
        number_in(plain.get("temperature")),
        tuple(str(sample) for sample in samples) if isinstance(samples, list) else (),
    )


def _pictures(folder: Path, steps: tuple[int, ...], place: int) -> PicturesAt | None:
    sheet = _read_or_none(read_pictures, folder)
    if sheet is None:
        return None
    pngs = tuple(picture.png() for picture in sheet.pictures[:_MOST_PICTURES])
    return PicturesAt(steps, place, sheet, pngs)


def _pairs(folder: Path, steps: tuple[int, ...], place: int) -> PairsAt | None:
    pairs = _read_or_none(read_pairs, folder)
    return None if pairs is None else PairsAt(steps, place, pairs)


def _key(folder: Path, kind: str) -> tuple[Path, int]:
    """Which step this is and when its JSON was written: a step may be sampled again."""
    try:
        return folder, (folder / f"{kind}.json").stat().st_mtime_ns
    except OSError:
        return folder, 0


def _moved(former: At, steps: tuple[int, ...], place: int) -> At:
    """The same content where only the steps around it are others."""
    if (former.steps, former.index) == (steps, place):
        return former
    return replace(former, steps=steps, index=place)


def _read_or_none(read: Callable[[Path], T | None], folder: Path) -> T | None:
    try:
        return read(folder)
    except StoreError:
        return None  # what is damaged is left out; the rest is still shown


def series(reader: ArrayReader | None, wanted: Wanted, former: SeriesAt | None) -> SeriesAt | None:
    """Truth and forecast of the wanted evaluation."""
    return evaluated(reader, wanted, former, _series)


def _series(frame: Frame, steps: tuple[int, ...], place: int) -> SeriesAt | None:
    truth, prediction = _rows(frame, "truth"), _rows(frame, "prediction")
    if truth is None or prediction is None or truth.shape != prediction.shape:
        return None
    count, length = truth.shape
    low, high = _rows(frame, "low"), _rows(frame, "high")
    if low is None or high is None or not low.shape == high.shape == truth.shape:
        low = high = None
    names = names_in(frame, "names")
    time = np.asarray(frame.arrays.get("time", np.arange(length)), np.float64).ravel()
    if len(time) != length or not np.isfinite(time).all() or (np.diff(time) < 0).any():
        time = np.arange(length, dtype=np.float64)
    return SeriesAt(
        steps,
        place,
        str(frame.meta.get("title") or "forecast"),
        names if len(names) == count else tuple(f"series {n + 1}" for n in range(count)),
        str(frame.meta.get("time_label") or "time"),
        time,
        truth,
        prediction,
        low,
        high,
    )


def forecasts(at: SeriesAt) -> tuple[Forecast, ...]:
    """One forecast a series."""
    return tuple(
        Forecast(
            name,
            at.time,
            at.truth[row],
            at.prediction[row],
            at.low[row] if at.low is not None else None,
            at.high[row] if at.high is not None else None,
            at.time_label,
        )
        for row, name in enumerate(at.names)
    )


def latent(reader: ArrayReader | None, wanted: Wanted, former: LatentAt | None) -> LatentAt | None:
    """The map of examples of the wanted evaluation."""
    return evaluated(reader, wanted, former, _latent)


def _latent(frame: Frame, steps: tuple[int, ...], place: int) -> LatentAt | None:
    if not {"x", "y"} <= frame.arrays.keys():
        return None
    x, y = (np.asarray(frame.arrays[name], np.float64).ravel() for name in ("x", "y"))
    label = np.asarray(frame.arrays.get("label", np.zeros(len(x))), np.int64).ravel()
    if not len(x) == len(y) == len(label):
        return None
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & (label >= 0))[:_MOST_POINTS]
    x, y, label = x[known], y[known], label[known]
    classes = names_in(frame, "classes") or (_FALLBACK_CLASS,)
    largest = int(label.max()) if len(label) else 0
    classes += tuple(str(number) for number in range(len(classes), min(largest, 999) + 1))
    return LatentAt(
        steps,
        place,
        str(frame.meta.get("title") or "latent space"),
        classes,
        str(frame.meta.get("x_label") or "z1"),
        str(frame.meta.get("y_label") or "z2"),
        x,
        y,
        np.minimum(label, len(classes) - 1),
    )


def _moment(folders: Sequence[Path], wanted: Wanted) -> tuple[tuple[int, ...], int]:
    steps = tuple(step_in(folder) for folder in folders)
    return steps, step_place(steps, wanted.moment)


def _rows(frame: Frame, name: str) -> np.ndarray | None:
    """An array as (K, T); one of a single axis is one row."""
    found = frame.arrays.get(name)
    if found is None or found.ndim not in (1, 2) or not found.size:
        return None
    rows = np.atleast_2d(np.asarray(found, np.float64))[:_MOST_SERIES]
    rows = np.where(np.isfinite(rows), rows, math.nan)
    return rows
