"""How far the weights travel over the checkpoints of one training."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, nan, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Checkpoint, Tensor
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.opening import open_checkpoint
from dltui.inspect.parts import parts
from dltui.inspect.row_order import aligned
from dltui.inspect.values import Values

_PART_ORDER = ("model", "ema", "optimizer", "other")
"""An optimizer's state moves farther than any weight, and is not what one asks for."""
MAX_ENTRIES = 10_000
"""Of a folder that is looked through for checkpoints."""
_NUMBERS = re.compile(r"\d+")
_STEP = re.compile(r"(?:step|iter|iteration|checkpoint|ckpt)s?[-_=]*(\d+)", re.IGNORECASE)
_NOT_WEIGHTS = {".json", ".txt", ".md", ".yaml", ".yml", ".log", ".png", ".csv", ".py", ".jsonl"}

OnProgress = Callable[[int, int], None]
"""Called with how many checkpoints have been compared and how many there are."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One checkpoint on the way."""

    path: Path
    step: int | None
    """As its name says; None where it has no number."""


@dataclass(slots=True)
class TensorPath:
    """The way of one tensor: one entry a checkpoint, NaN where it is missing or another shape."""

    name: str
    shape: tuple[int, ...]
    norm: list[float] = field(default_factory=list)
    """‖w‖, L2."""
    from_first: list[float] = field(default_factory=list)
    """‖w − w_first‖ / ‖w_first‖."""
    from_previous: list[float] = field(default_factory=list)
    """‖w − w_previous‖ / ‖w_previous‖; 0 at the first."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """All tensors of the first checkpoint: the model's, then those of an average, an optimizer and
    others; of each the one that travelled farthest first."""

    stops: tuple[Stop, ...]
    tensors: tuple[TensorPath, ...]
    notes: tuple[str, ...]


def checkpoints_in(folder: Path) -> tuple[Stop, ...]:
    """The files and folders that may be checkpoints of one training, by step, else by name.

    The `checkpoints` of a run are taken where the folder has them. What its name says to be
    something else, a link, or hidden, is passed over. Raises CheckpointError if it cannot be read.
    """
    if (folder / "checkpoints").is_dir():
        folder = folder / "checkpoints"
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for _, entry in zip(range(MAX_ENTRIES), entries, strict=False)]
    except OSError as error:
        raise CheckpointError(
            f"cannot be read: {error.strerror or error}", where=str(folder)
        ) from error
    paths = [folder / name for name in names if not name.startswith(".")]
    wanted = [
        path
        for path in paths
        if not path.is_symlink()
        and (path.is_dir() or (path.is_file() and path.suffix.lower() not in _NOT_WEIGHTS))
    ]
    stops = [Stop(path, _step(path.name)) for path in wanted]
    if any(stop.step is not None for stop in stops):
        stops = [stop for stop in stops if stop.step is not None]
    return tuple(sorted(stops, key=lambda stop: (stop.step or 0, _natural(stop.path.name))))


def trajectory(
    stops: Sequence[Stop],
    on_progress: OnProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Trajectory:
    """Norms and distances of each tensor at each checkpoint; at most three files are open.

    What is no checkpoint is left out and noted. Raises CheckpointError where fewer than two are
    left, or if a file is damaged. Once `cancelled` says so, the rest is left out.
    """
    notes: list[str] = []
    reached: list[Stop] = []
    ways: dict[str, TensorPath] = {}
    first: Checkpoint | None = None
    previous: Checkpoint | None = None
    for number, stop in enumerate(stops):
        if cancelled is not None and cancelled():
            notes.append(f"cancelled after {len(reached)} of {len(stops)} checkpoints")
            break
        try:
            current = open_checkpoint(stop.path)
        except CheckpointError as error:
            notes.append(f"{stop.path.name} is left out: {error.message}")
            continue
        if first is None or previous is None:
            first = previous = current
            ways = {t.name: TensorPath(t.name, t.shape) for t in _readable(current)}
        _travel(ways, first, previous, current)
        reached.append(stop)
        previous = current
        if on_progress is not None:
            on_progress(number + 1, len(stops))
    if len(reached) < 2:
        where = str(stops[0].path.parent) if stops else None
        raise CheckpointError(
            "there are not two checkpoints here" + "".join(f"; {note}" for note in notes[:3]),
            where=where,
            remedy="a trajectory needs a folder of checkpoints, or a run that has several",
        )
    found = sorted(ways.values(), key=_farthest)
    if first is not None:
        ranks = {
            tensor.name: _PART_ORDER.index(part.kind)
            for part in parts(first)
            for tensor in part.tensors
        }
        found.sort(key=lambda way: ranks.get(way.name, len(_PART_ORDER)))
    return Trajectory(tuple(reached), tuple(found), tuple(notes))


def _travel(
    ways: dict[str, TensorPath], first: Checkpoint, previous: Checkpoint, current: Checkpoint
) -> None:
    """Adds one entry to the way of every tensor."""
    of_first, of_previous, of_current = (
        {tensor.name: tensor for tensor in _readable(checkpoint)}
        for checkpoint in (first, previous, current)
    )
    with Values(first) as start, Values(previous) as before, Values(current) as now:
        for name, way in ways.items():
            tensor = of_current.get(name)
            if tensor is None or tensor.shape != way.shape:
                for entries in (way.norm, way.from_first, way.from_previous):
                    entries.append(nan)
                continue
            read = [(now, tensor), (start, of_first[name])]
            last = of_previous.get(name)
            has_last = last is not None and last.shape == way.shape
            if last is not None and has_last:
                read.append((before, last))
            squares = _squares(read)
            way.norm.append(sqrt(squares[0]))
            way.from_first.append(_ratio(squares[2], squares[1]))
            way.from_previous.append(_ratio(squares[4], squares[3]) if has_last else nan)


def _squares(read: list[tuple[Values, Tensor]]) -> list[float]:
    """‖w‖², then for each of the others its square and that of the distance to it.

    Elements that are not finite count for nothing.
    """
    found = [0.0] * (2 * len(read) - 1)
    kinds = [tensor.dtype for _, tensor in read]
    for pieces in aligned(*read):
        arrays = [_wide(piece, kind) for piece, kind in zip(pieces, kinds, strict=True)]
        with np.errstate(over="ignore"):
            found[0] += float(arrays[0] @ arrays[0])
            for number, other in enumerate(arrays[1:]):
                delta = arrays[0] - other
                found[1 + 2 * number] += float(other @ other)
                found[2 + 2 * number] += float(delta @ delta)
    return found


def _wide(stored: Array, dtype: str) -> NDArray[np.float64]:
    values = numbers(stored, dtype)
    if np.iscomplexobj(values):
        wide = values.astype(np.complex128).view(np.float64)
    else:
        wide = values.astype(np.float64)
    return np.nan_to_num(wide, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _ratio(distance_squared: float, norm_squared: float) -> float:
    if norm_squared:
        return sqrt(distance_squared / norm_squared)
    return inf if distance_squared else 0.0


def _readable(checkpoint: Checkpoint) -> Iterator[Tensor]:
    return (t for t in checkpoint.tensors if t.place is not None and t.dtype in BITS)


def _farthest(way: TensorPath) -> float:
    reached = [distance for distance in way.from_first if distance == distance]
    return -reached[-1] if reached else 0.0


def _step(name: str) -> int | None:
    """The step that a name tells, else its last number."""
    named = _STEP.search(name)
    found = [named[1]] if named else _NUMBERS.findall(Path(name).stem)
    return int(found[-1]) if found and len(found[-1]) <= 18 else None


def _natural(name: str) -> list[tuple[int, int | str]]:
    """`a2` before `a10`."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p)) if p.isdecimal() and len(p) <= 18 else (1, p) for p in parts]
