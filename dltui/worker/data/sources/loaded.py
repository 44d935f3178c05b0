"""What every source gives: an outline without reading, and the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.names import either
from dltui.recipe.tasks import TASKS
from dltui.worker.data.examples import Examples
from dltui.worker.data.tokenizer import Tokenizer

Kind = Literal["images", "table", "text", "series", "other", "audio"]


@dataclass(frozen=True, slots=True)
class Outline:
    """A data set before it is divided. `sizes` are the examples of the set's own parts, or of
    the one part `all`."""

    info: DataInfo
    sizes: Mapping[str, int]
    divided: bool = False
    """True where `sizes` are those of the recipe's split: the source applies it itself."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A data set that was read. `parts` has the keys of `outline.sizes`."""

    outline: Outline
    parts: Mapping[str, Examples]
    kind: Kind
    flatten: bool = False
    """Images that the network sees as one row of numbers."""
    numeric: Tensor | None = None
    """Table columns that are numbers rather than one-hot, bool `(features,)`."""
    tokenizer: Tokenizer | None = None
    divided: bool = False
    """True where the source has applied the recipe's split itself."""
    notes: tuple[str, ...] = field(default=())


def check_task(info: DataInfo, task: str, source: str) -> None:
    """Raises `DataError` where the task learns another kind of target than the set has."""
    wanted = TASKS[task].learns
    if not wanted or info.target in wanted:
        return
    fitting = [name for name, facts in TASKS.items() if info.target in facts.learns]
    raise DataError(
        f"the task {task} does not fit {source}, whose targets are {_WORDS[info.target]}",
        where="task.type",
        remedy=f"Use the task {either(fitting)}, or other data.",
    )


_WORDS = {
    "class": "classes",
    "labels": "labels",
    "value": "numbers",
    "token": "tokens",
    "mask": "masks",
    "boxes": "boxes",
    "sequence": "token sequences",
    "pair": "pairs",
    "series": "series",
    "none": "none",
}
