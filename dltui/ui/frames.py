"""Parts of a snapshot that come from array logs and sample folders."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

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
    Wanted,
)


class AtStep(Protocol):
    """What an evaluation left, shown at one of its `steps`."""

    @property
    def steps(self) -> tuple[int, ...]: ...
    @property
    def index(self) -> int: ...


At = TypeVar("At", bound=AtStep)

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
            frame = frame_of(layers, number) or frame
            if frame is not None:
                self._norms.append((names_in(frame, "layers"), _row(frame, "grad_norm")))
        self._read = count
        frame = frame or frame_of(layers, -1)
        if frame is not None:
            self._layers = self._readings(frame)
        return self._layers

    def _read_dead(self, activations: ArrayReader | None) -> bool:
        if activations is None or len(activations) in (0, self._activations):
            return False
        self._activations = len(activations)
        frame = frame_of(activations, -1)
        if frame is None:
            return False
        after = names_in(frame, "after") or names_in(frame, "layers")
        self._dead = dict(zip(after, _row(frame, "dead_share").tolist(), strict=False))
        return True

    def _readings(self, frame: Frame) -> tuple[LayerReading, ...]:
        names = names_in(frame, "layers")
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
        newest = frame_of(reader, -1)
        names = names_in(newest, wanted.kind) if newest is not None else ()
        if not names:
            return None
        name = _matching(names, wanted.layer)
        steps, rows = [], []
        for number in spread(len(reader), RIDGES):
            frame = frame_of(reader, number)
            if frame is None or name not in (found := names_in(frame, wanted.kind)):
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


def evaluated(
    reader: ArrayReader | None,
    wanted: Wanted,
    former: At | None,
    read: Callable[[Frame, tuple[int, ...], int], At | None],
) -> At | None:
    """What `read` makes of the wanted evaluation's frame; the former where that is no other."""
    place = place_at(reader, wanted.moment)
    if reader is None or place is None:
        return None
    steps = tuple(reader.index)
    if former is not None and (former.steps, former.index) == (steps, place):
        return former
    frame = frame_of(reader, place)
    found = None if frame is None else read(frame, steps, place)
    return former if found is None else found


def confusion(
    reader: ArrayReader | None, wanted: Wanted, former: ConfusionAt | None
) -> ConfusionAt | None:
    """The confusion matrix of the wanted evaluation."""
    return evaluated(reader, wanted, former, _confusion)


def _confusion(frame: Frame, steps: tuple[int, ...], place: int) -> ConfusionAt | None:
    matrix = frame.arrays.get("matrix")
    if matrix is None or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return None
    classes = names_in(frame, "classes")
    if len(classes) != len(matrix):
        classes = tuple(str(number) for number in range(len(matrix)))
    return ConfusionAt(steps, place, matrix, classes, str(frame.meta.get("part", "val")))


def predictions(
    reader: ArrayReader | None, wanted: Wanted, former: PredictionsAt | None
) -> PredictionsAt | None:
    """Truth and prediction of the wanted evaluation."""
    return evaluated(reader, wanted, former, _predictions)


def _predictions(frame: Frame, steps: tuple[int, ...], place: int) -> PredictionsAt | None:
    if not {"truth", "prediction"} <= frame.arrays.keys():
        return None
    truth, prediction = (
        np.asarray(frame.arrays[name], np.float64).reshape(len(frame.arrays[name]), -1)
        for name in ("truth", "prediction")
    )
    if truth.shape != prediction.shape:
        return None
    return PredictionsAt(steps, place, truth, prediction)


def schedule(reader: ArrayReader | None, former: Curve | None) -> Curve | None:
    """The planned learning rate by step."""
    if reader is None or not len(reader):
        return None
    frame = frame_of(reader, -1)
    if frame is None or not {"step", "lr"} <= frame.arrays.keys():
        return former
    steps = np.asarray(frame.arrays["step"], np.float64).ravel()
    rates = np.asarray(frame.arrays["lr"], np.float64).ravel()
    count = min(len(steps), len(rates))
    if former is not None and np.array_equal(former.values, rates[:count]):
        return former
    return Curve(steps[:count], np.full(count, frame.time), rates[:count], count)


def examples(folders: Sequence[Path], former: tuple[Example, ...]) -> tuple[Example, ...]:
    """The examples of the newest evaluation, mistakes first."""
    if not folders:
        return ()
    folder = folders[-1]
    if former and former[0].folder == folder:
        return former
    plain = samples_in(folder, "examples") or {}
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
        int(number_in(row.get("index"), 0)),
        _class(row.get("truth"), classes),
        _class(row.get("prediction"), classes),
        number_in(row.get("confidence")),
        folder / str(image) if inside else None,
        str(words) if words is not None else None,
        tuple((str(k), str(v)) for k, v in values.items()) if isinstance(values, dict) else (),
    )


def _class(place: object, classes: list[str]) -> str:
    if isinstance(place, int) and 0 <= place < len(classes):
        return classes[place]
    return str(place)


def samples_in(folder: Path, kind: str) -> dict[str, Any] | None:
    try:
        return read_samples(folder, kind)
    except StoreError:
        return None  # RunReader lists damaged files; the rest is still shown


def frame_of(reader: ArrayReader, number: int) -> Frame | None:
    try:
        return reader.frame(number)
    except (StoreError, IndexError):
        return None


def place_at(reader: ArrayReader | None, moment: int | None) -> int | None:
    """The place of the newest frame at or before the step `moment`; None without frames."""
    if reader is None or not len(reader):
        return None
    return step_place(reader.index, moment)


def step_place(steps: Sequence[int], moment: int | None) -> int:
    """The place of the newest of `steps` (one or more) at or before `moment`, else the first."""
    if moment is None:
        return len(steps) - 1
    return max(0, bisect_right(steps, moment) - 1)


def names_in(frame: Frame, key: str) -> tuple[str, ...]:
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


def step_in(folder: Path) -> int:
    digits = folder.name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def number_in(value: object, missing: float = math.nan) -> float:
    return float(value) if isinstance(value, int | float) else missing
