"""What a chart is given: curves and marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

MarkKind = Literal["learning_rate", "checkpoint", "pause", "resume", "nan"]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve. `x` and `y` are `(n,)`, x not decreasing; `color` is a palette slot."""

    name: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    color: int = 0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at `x`, shown on the axis; `label` is shown near the cursor."""

    x: float
    kind: MarkKind
    label: str
