"""What evaluations left beside figures, in a line each: pictures, texts, pairs, forecasts, maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dltui.charts.numbers import format_value
from dltui.charts.scatter_plot import Points, own_center_share
from dltui.errors import StoreError
from dltui.runs.clean import printable
from dltui.runs.reader import RunReader
from dltui.runs.samples import read_samples
from dltui.runs.sheets import read_pairs, read_pictures
from dltui.ui.outcome_frames import forecasts, latent, series
from dltui.ui.snapshot import LatentAt, SeriesAt, Wanted

_TEXT_LENGTH = 160


class OutcomeTeller:
    """Tells the newest of each kind, whenever it is another one than before."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._told: dict[str, Path] = {}
        self._series: SeriesAt | None = None
        self._latent: LatentAt | None = None

    def lines(self) -> Iterator[tuple[float, str]]:
        """(unix seconds, line) of what is new since the last call."""
        for time_s, line in (*self._samples(), *self._frames()):
            yield time_s, printable(line)

    def _samples(self) -> Iterator[tuple[float, str]]:
        for kind, tell in (("pictures", _pictures), ("text", _text), ("pairs", _pairs)):
            newest = next(reversed(self._reader.sample_folders(kind)), None)
            if newest is None or newest == self._told.get(kind):
                continue
            self._told[kind] = newest
            try:
                said = tell(newest)
                time_s = (newest / f"{kind}.json").stat().st_mtime
            except (StoreError, OSError):
                continue  # pruned or damaged meanwhile: the next one is told again
            if said:
                yield time_s, said

    def _frames(self) -> Iterator[tuple[float, str]]:
        log = self._reader.arrays("series")
        now = series(log, Wanted(), self._series)
        if log is not None and now is not None and now is not self._series:
            self._series = now
            yield log.times[-1], f"{_at(now.steps[-1])}{now.title}: {_errors(now)}"
        log = self._reader.arrays("scatter")
        seen = latent(log, Wanted(), self._latent)
        if log is not None and seen is not None and seen is not self._latent:
            self._latent = seen
            points = Points(seen.x, seen.y, seen.label, seen.classes)
            share = own_center_share(points) if len(seen.x) else float("nan")
            own = f", {share:.0%} nearest to the centre of their class" if share == share else ""
            yield log.times[-1], f"{_at(seen.steps[-1])}{seen.title}: {len(seen.x):,} points{own}"


def _pictures(folder: Path) -> str | None:
    sheet = read_pictures(folder)
    if sheet is None:
        return None
    where = f"{folder.parent.name}/{folder.name}"
    return f"{_at(sheet.step)}{sheet.title}: {len(sheet.pictures)} pictures in {where}"


def _text(folder: Path) -> str | None:
    plain = read_samples(folder, "text")
    samples = plain.get("samples") if plain is not None else None
    if plain is None or not isinstance(samples, list) or not samples:
        return None
    text = printable(f"{plain.get('prompt', '')}{samples[0]}")
    cut = text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"
    step = plain.get("step")
    at = _at(step) if isinstance(step, int) else ""
    return f"{at}text at temperature {plain.get('temperature')}: {cut}"


def _pairs(folder: Path) -> str | None:
    pairs = read_pairs(folder)
    if pairs is None:
        return None
    judged = [good for good in pairs.good if good is not None]
    score = f"{sum(judged)} of {len(judged)} right" if judged else f"{len(pairs.rows)} rows"
    wrong = [row for row, good in zip(pairs.rows, pairs.good, strict=True) if good is False]
    shown = (wrong or list(pairs.rows))[:1]
    named = (part for row in shown for part in zip(pairs.columns, row, strict=True))
    example = [f"{name} {printable(text)}" for name, text in named]
    return f"{_at(pairs.step)}{pairs.title}: {score}; e.g. {', '.join(example)[:_TEXT_LENGTH]}"


def _errors(at: SeriesAt) -> str:
    return ", ".join(f"{one.name} off by {format_value(one.error)}" for one in forecasts(at)[:6])


def _at(step: int) -> str:
    return f"step {step:,}  "
