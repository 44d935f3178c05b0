"""What two checkpoints have in common and how far apart their values are.

Both files are read piece by piece: whatever their size, a few pieces are in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dltui.inspect.contents import BITS, Checkpoint, Tensor
from dltui.inspect.dtypes import Array, numbers
from dltui.inspect.matching import Matched, matched
from dltui.inspect.row_order import aligned
from dltui.inspect.values import Values

OnProgress = Callable[[int, int], None]
"""Called with the bytes compared so far and those to compare in all."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the values of one tensor differ, all figures in float64 over numbers finite in both."""

    name: str
    """In the first checkpoint."""
    name_b: str
    elements: int
    changed: int
    """Elements that are not equal; NaN equals NaN."""
    max_abs: float
    """The largest |b − a|; infinity where one of the two is not finite and they differ."""
    relative_l2: float
    """‖b − a‖ / ‖a‖; infinity where a is zero and b is not."""
    cosine: float
    """a·b / (‖a‖ ‖b‖); NaN where one of them is zero."""
    norm_a: float
    norm_b: float
    non_finite: int
    """Elements that are NaN or infinite in either and not the same in both."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the first checkpoint and its partner in the second."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two checkpoints."""

    added: tuple[Tensor, ...]
    """Only in the second."""
    removed: tuple[Tensor, ...]
    """Only in the first."""
    reshaped: tuple[Pair, ...]
    retyped: tuple[Pair, ...]
    """Of the same shape and another type; where values differ too they stand in `changed`."""
    changed: tuple[Change, ...]
    """The largest relative change first."""
    unread: tuple[tuple[str, str], ...]
    """Names of tensors that could not be compared, and why."""
    same: int
    """Tensors that agree in shape, type and every value."""
    matching: Matched

    @property
    def is_same(self) -> bool:
        """Whether nothing differs and everything was compared."""
        return not (
            self.added
            or self.removed
            or self.reshaped
            or self.retyped
            or self.changed
            or self.unread
        )


def diff(
    a: Checkpoint,
    b: Checkpoint,
    on_progress: OnProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Difference:
    """Compares names, shapes, types and values.

    Once `cancelled` says so the tensors not yet compared are listed as unread. Raises
    CheckpointError if a file changes or is damaged; a tensor whose values cannot be read on
    principle is listed.
    """
    matching = matched(a, b)
    reshaped: list[Pair] = []
    retyped: list[Pair] = []
    changed: list[Change] = []
    unread: list[tuple[str, str]] = []
    same = 0
    total = sum(first.size_bytes for first, _ in matching.pairs)
    done = 0
    with Values(a) as values_a, Values(b) as values_b:
        for first, second in matching.pairs:
            pair = Pair(first, second)
            done += first.size_bytes
            if first.shape != second.shape:
                reshaped.append(pair)
                continue
            if first.dtype != second.dtype:
                retyped.append(pair)
            if cancelled is not None and cancelled():
                unread.append((first.name, "not compared: cancelled"))
                continue
            why = _unreadable(first) or _unreadable(second)
            if why:
                unread.append((first.name, why))
                continue
            found = change(values_a, first, values_b, second)
            if found is not None:
                changed.append(found)
            elif first.dtype == second.dtype:
                same += 1
            if on_progress is not None:
                on_progress(done, total)
    return Difference(
        added=matching.only_b,
        removed=matching.only_a,
        reshaped=tuple(reshaped),
        retyped=tuple(retyped),
        changed=tuple(sorted(changed, key=_by_size)),
        unread=tuple(unread),
        same=same,
        matching=matching,
    )


def change(values_a: Values, a: Tensor, values_b: Values, b: Tensor) -> Change | None:
    """How far the values of `b` are from those of `a`, of the same shape; None where all are equal.

    Equal bits are compared as bits, so that files which agree are read at the speed of the disk.
    """
    if a.dtype == b.dtype and _same_bits(values_a, a, values_b, b):
        return None
    sums = _Sums()
    for first, second in aligned((values_a, a), (values_b, b)):
        sums.add(numbers(first, a.dtype), numbers(second, b.dtype))
    if not sums.changed:
        return None
    return sums.change(a, b)


class _Sums:
    """What the figures of a change are made of, added up piece by piece."""

    def __init__(self) -> None:
        self.changed = 0
        self.non_finite = 0
        self.max_abs = 0.0
        self.aa = self.bb = self.ab = self.dd = 0.0

    def add(self, a: Array, b: Array) -> None:
        """Two flat arrays of the same length. A complex number counts as its two parts."""
        with np.errstate(invalid="ignore", over="ignore"):
            # Before they are widened: float64 does not tell all 64-bit integers apart.
            differs = (a != b) & ~((a != a) & (b != b))
            self.changed += int(np.count_nonzero(differs))
            as_complex = np.iscomplexobj(a) or np.iscomplexobj(b)
            wide_a, wide_b = _wide(a, as_complex), _wide(b, as_complex)
            finite = np.isfinite(wide_a) & np.isfinite(wide_b)
            if not finite.all():
                each = finite.reshape(len(differs), -1).all(1)
                self.non_finite += int(np.count_nonzero(differs & ~each))
                wide_a, wide_b = wide_a[finite], wide_b[finite]
            if not len(wide_a):
                return
            delta = wide_b - wide_a
            self.max_abs = max(self.max_abs, float(np.abs(delta).max()))
            self.aa += float(wide_a @ wide_a)
            self.bb += float(wide_b @ wide_b)
            self.ab += float(wide_a @ wide_b)
            self.dd += float(delta @ delta)

    def change(self, a: Tensor, b: Tensor) -> Change:
        norm_a, norm_b, distance = sqrt(self.aa), sqrt(self.bb), sqrt(self.dd)
        both = norm_a * norm_b
        return Change(
            name=a.name,
            name_b=b.name,
            elements=a.elements,
            changed=self.changed,
            max_abs=float("inf") if self.non_finite else self.max_abs,
            relative_l2=distance / norm_a if norm_a else float("inf") if distance else 0.0,
            cosine=max(-1.0, min(1.0, self.ab / both)) if both else float("nan"),
            norm_a=norm_a,
            norm_b=norm_b,
            non_finite=self.non_finite,
        )


def _same_bits(values_a: Values, a: Tensor, values_b: Values, b: Tensor) -> bool:
    return all(
        np.array_equal(_bits(first), _bits(second))
        for first, second in aligned((values_a, a), (values_b, b))
    )


def _bits(stored: Array) -> Array:
    """The elements as whole numbers, so that NaN equals NaN; in this machine's order of bytes."""
    native = np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))
    return native.view(np.uint8)


def _wide(values: Array, as_complex: bool) -> NDArray[np.float64]:
    """Flat, in float64; of complex numbers the real and the imaginary part in turn."""
    if as_complex:
        return values.astype(np.complex128).view(np.float64)
    return values.astype(np.float64)


def _unreadable(tensor: Tensor) -> str:
    if tensor.place is None:
        return "the file has no values for it"
    return "" if tensor.dtype in BITS else f"its values are packed as {tensor.dtype}"


def _by_size(found: Change) -> tuple[float, float, float]:
    return (-found.non_finite, -found.relative_l2, -found.max_abs)
