"""Parts of a snapshot that come from array logs and sample folders."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader, Frame
from dltui.runs.samples import read_samples
from dltui.ui.snapshot import (
    ConfusionAt,
    Curve,
    Example,
    LayerReading,
    PredictionsAt,
    Ridge,
    TextAt,
    Wanted,
)

TREND = 24
RIDGES = 40
_READ_AT_ONCE = 200


class LayerHistory:
    """The newest figures of every layer and the last `TREND` gradient norms."""

    def __init__(self) -> None:
        self._read = self._revision = -1
        self._norms: deque[tuple[tuple[str, ...], np.ndarray]] = deque(maxlen=TREND)
        self._layers: tuple[LayerReading, ...] = ()
        self._dead: dict[str, float] = {}
        self._activations = -1

    def read(
        self, layers: ArrayReader | None, activations: ArrayReader | None
    ) -> tuple[LayerReading, ...]:
        """The same tuple as before where no frame is new."""
        if layers is None or not len(layers):
            return self._layers
        if layers.revision != self._revision:
            self._revision, self._read = layers.revision, -1
            self._norms.clear()
        count = len(layers)
        dead_changed = self._read_dead(activations)
        if count == self._read and not dead_changed:
            return self._layers
        frame = None
        for number in range(max(self._read, count - TREND, 0), count):
            frame = _frame(layers, number) or frame
            if frame is not None:
                self._norms.append((_names(frame, "layers"), _row(frame, "grad_norm")))
        self._read = count
        frame = frame or _frame(layers, -1)
        if frame is not None:
            self._layers = self._readings(frame)
        return self._layers

    def _read_dead(self, activations: ArrayReader | None) -> bool:
        if activations is None or len(activations) in (0, self._activations):
            return False
        self._activations = len(activations)
        frame = _frame(activations, -1)
        if frame is None:
            return False
        after = _names(frame, "after") or _names(frame, "layers")
        self._dead = dict(zip(after, _row(frame, "dead_share").tolist(), strict=False))
        return True

    def _readings(self, frame: Frame) -> tuple[LayerReading, ...]:
        names = _names(frame, "layers")
        norms, weights, updates = (
            _row(frame, name) for name in ("grad_norm", "weight_norm", "update_ratio")
        )
        nonfinite = _row(frame, "nonfinite")
        past = [row for layers, row in self._norms if layers == names and len(row) == len(norms)]
        trends = np.stack(past, axis=1) if past else np.empty((len(names), 0))
        return tuple(
            LayerReading(
                name,
                gradient_norm=_at(norms, index),
                weight_norm=_at(weights, index),
                update_ratio=_at(updates, index),
                dead_share=self._dead.get(name, math.nan),
                nonfinite=int(nonfinite[index]) if index < len(nonfinite) else 0,
                trend=tuple(trends[index].tolist()) if index < len(trends) else (),
            )
            for index, name in enumerate(names)
        )


class RidgeHistory:
    """The last `RIDGES` histograms of one tensor, spread over the whole run."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._ridge: Ridge | None = None

    def read(self, reader: ArrayReader | None, wanted: Wanted) -> Ridge | None:
        """The ridge of the wanted tensor; None where nothing of that kind was measured."""
        if reader is None or not len(reader):
            return None
        key = (len(reader), reader.revision, wanted.kind, wanted.layer)
        if key != self._key:
            self._key = key
            self._ridge = self._build(reader, wanted)
        return self._ridge

    def _build(self, reader: ArrayReader, wanted: Wanted) -> Ridge | None:
        newest = _frame(reader, -1)
        names = _names(newest, wanted.kind) if newest is not None else ()
        if not names:
            return None
        name = _matching(names, wanted.layer)
        steps, rows = [], []
        for number in spread(len(reader), RIDGES):
            frame = _frame(reader, number)
            if frame is None or name not in (found := _names(frame, wanted.kind)):
                continue
            counts = frame.arrays.get(wanted.kind)
            if counts is not None and counts.ndim == 2 and len(counts) == len(found):
                steps.append(frame.step)
                rows.append(counts[found.index(name)])
        if not rows:
            return None
        return Ridge(wanted.kind, name, names, np.array(steps), np.stack(rows))


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, the first and the last included."""
    if count <= most:
        return list(range(count))
    return sorted(set(np.linspace(0, count - 1, most).round().astype(int).tolist()))


def confusion(
    reader: ArrayReader | None, wanted: Wanted, former: ConfusionAt | None
) -> ConfusionAt | None:
    """The confusion matrix of the wanted evaluation."""
    place = _place(reader, wanted.evaluation)
    if reader is None or place is None:
        return None
    steps = tuple(reader.index)
    if former is not None and (former.steps, former.index) == (steps, place):
        return former
    frame = _frame(reader, place)
    matrix = frame.arrays.get("matrix") if frame is not None else None
    if frame is None or matrix is None or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return former
    classes = _names(frame, "classes")
    if len(classes) != len(matrix):
        classes = tuple(str(number) for number in range(len(matrix)))
    return ConfusionAt(steps, place, matrix, classes, str(frame.meta.get("part", "val")))


def predictions(
    reader: ArrayReader | None, wanted: Wanted, former: PredictionsAt | None
) -> PredictionsAt | None:
    """Truth and prediction of the wanted evaluation."""
    place = _place(reader, wanted.evaluation)
    if reader is None or place is None:
        return None
    steps = tuple(reader.index)
    if former is not None and (former.steps, former.index) == (steps, place):
        return former
    frame = _frame(reader, place)
    if frame is None or not {"truth", "prediction"} <= frame.arrays.keys():
        return former
    truth, prediction = (
        np.asarray(frame.arrays[name], np.float64).reshape(len(frame.arrays[name]), -1)
        for name in ("truth", "prediction")
    )
    if truth.shape != prediction.shape:
        return former
    return PredictionsAt(steps, place, truth, prediction)


def schedule(reader: ArrayReader | None, former: Curve | None) -> Curve | None:
    """The planned learning rate by step."""
    if reader is None or not len(reader):
        return None
    frame = _frame(reader, -1)
    if frame is None or not {"step", "lr"} <= frame.arrays.keys():
        return former
    steps = np.asarray(frame.arrays["step"], np.float64).ravel()
    rates = np.asarray(frame.arrays["lr"], np.float64).ravel()
    count = min(len(steps), len(rates))
    if former is not None and np.array_equal(former.values, rates[:count]):
        return former
    return Curve(steps[:count], np.full(count, frame.time), rates[:count], count)


def text(folders: Sequence[Path], wanted: Wanted, former: TextAt | None) -> TextAt | None:
    """The sampled text of the wanted step, from the folders of all samples, oldest first."""
    if not folders:
        return None
    steps = tuple(_step(folder) for folder in folders)
    place = len(folders) - 1 if wanted.sample is None else min(wanted.sample, len(folders) - 1)
    if former is not None and (former.steps, former.index) == (steps, place):
        return former
    plain = _samples(folders[place], "text")
    if plain is None:
        return former
    samples = plain.get("samples")
    return TextAt(
        steps,
        place,
        str(plain.get("prompt", "")),
        _number(plain.get("temperature")),
        tuple(str(sample) for sample in samples) if isinstance(samples, list) else (),
    )


def examples(folders: Sequence[Path], former: tuple[Example, ...]) -> tuple[Example, ...]:
    """The examples of the newest evaluation, mistakes first."""
    if not folders:
        return ()
    folder = folders[-1]
    if former and former[0].folder == folder:
        return former
    plain = _samples(folder, "examples") or {}
    classes = plain.get("classes")
    rows = plain.get("examples")
    names = [str(name) for name in classes] if isinstance(classes, list) else []
    kept = rows if isinstance(rows, list) else []
    return tuple(
        _example(folder, row, names) for row in kept[:_READ_AT_ONCE] if isinstance(row, dict)
    )


def _example(folder: Path, row: Mapping[str, Any], classes: list[str]) -> Example:
    image = row.get("image")
    # A name, never a path: a sample must not show files from elsewhere.
    inside = isinstance(image, str) and Path(image).name == image
    values = row.get("values")
    words = row.get("text")
    return Example(
        folder,
        int(_number(row.get("index"), 0)),
        _class(row.get("truth"), classes),
        _class(row.get("prediction"), classes),
        _number(row.get("confidence")),
        folder / str(image) if inside else None,
        str(words) if words is not None else None,
        tuple((str(k), str(v)) for k, v in values.items()) if isinstance(values, dict) else (),
    )


def _class(place: object, classes: list[str]) -> str:
    if isinstance(place, int) and 0 <= place < len(classes):
        return classes[place]
    return str(place)


def _samples(folder: Path, kind: str) -> dict[str, Any] | None:
    try:
        return read_samples(folder, kind)
    except StoreError:
        return None  # RunReader lists damaged files; the rest is still shown


def _frame(reader: ArrayReader, number: int) -> Frame | None:
    try:
        return reader.frame(number)
    except (StoreError, IndexError):
        return None


def _place(reader: ArrayReader | None, wanted: int | None) -> int | None:
    if reader is None or not len(reader):
        return None
    return len(reader) - 1 if wanted is None else min(max(wanted, 0), len(reader) - 1)


def _names(frame: Frame, key: str) -> tuple[str, ...]:
    names = frame.meta.get(key)
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _row(frame: Frame, key: str) -> np.ndarray:
    row = frame.arrays.get(key)
    return np.asarray(row, np.float64).ravel() if row is not None else np.empty(0)


def _at(row: np.ndarray, index: int) -> float:
    return float(row[index]) if index < len(row) else math.nan


def _matching(names: tuple[str, ...], layer: str | None) -> str:
    """The tensor of this name, else the first of that layer, else the first of all."""
    if layer is None or layer in names:
        return layer or names[0]
    return next((name for name in names if name.startswith(layer + ".")), names[0])


def _step(folder: Path) -> int:
    digits = folder.name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _number(value: object, missing: float = math.nan) -> float:
    return float(value) if isinstance(value, int | float) else missing
