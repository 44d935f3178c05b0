"""What the rest of a recipe may know about its data before any example is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["float32", "int64", "bool"]
Target = Literal[
    "class", "labels", "value", "token", "mask", "boxes", "sequence", "pair", "series", "none"
]
"""What an example is labelled with: one class, several labels, numbers, the next token, a class
for each pixel, boxes, another token sequence, its place in a pair, the future, or nothing."""


@dataclass(frozen=True, slots=True)
class InputInfo:
    """One named input of a model: its shape without the batch, `()` for one number an example."""

    name: str
    shape: tuple[int, ...]
    dtype: Dtype


@dataclass(frozen=True, slots=True)
class DataInfo:
    """Facts of a data source. In expressions they are `data.classes`, `data.channels`, …

    `shape` is one example without the batch: `(C, H, W)` for images, `(features,)` for tables,
    `(context,)` for text, `(context, features)` for series.
    """

    shape: tuple[int, ...]
    dtype: Literal["float32", "int64"]
    target: Target
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    targets: int | None = None
    """Numbers to predict per example (regress), labels (multilabel) or series (forecast)."""
    vocab: int | None = None
    context: int | None = None
    horizon: int | None = None
    """Steps to foretell (forecast)."""
    feature_names: tuple[str, ...] = ()
    train_size: int | None = None
    val_size: int | None = None
    test_size: int | None = None
    inputs: tuple[InputInfo, ...] = ()
    """Named inputs that are unlike `shape` and `dtype`: a mask, a second sequence, a text."""
    needs_download: bool = False
    notes: tuple[str, ...] = ()
    """What the reader should know: rows dropped, images skipped."""

    def input(self, name: str) -> InputInfo:
        """What the input `name` looks like; like the examples where nothing else is said."""
        known = {entry.name: entry for entry in self.inputs}
        return known.get(name, InputInfo(name, self.shape, self.dtype))

    def variables(self) -> dict[str, int]:
        """The names an expression may use, e.g. `{"data.classes": 10, "data.channels": 1}`."""
        found: dict[str, int | None] = {
            "data.classes": self.classes,
            "data.targets": self.targets,
            "data.vocab": self.vocab,
            "data.context": self.context,
            "data.horizon": self.horizon,
            "data.features": self.shape[-1] if len(self.shape) in (1, 2) else None,
            "data.channels": self.shape[0] if len(self.shape) == 3 else None,
            "data.height": self.shape[1] if len(self.shape) == 3 else None,
            "data.width": self.shape[2] if len(self.shape) == 3 else None,
        }
        return {name: value for name, value in found.items() if value is not None}
