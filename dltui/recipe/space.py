"""The grammar of `sweep.space`: what is tried of each key.

```yaml
space:
  optimizer.lr: {loguniform: [1e-4, 1e-1]}    # from low to high, evenly in its logarithm
  model.layers.2.dropout: {uniform: [0, 0.5]}
  model.params.width: {int: [16, 128]}        # whole numbers, both ends included
  model.params.depth: {int: [2, 12, 2]}       # every second one
  optimizer.type: {choice: [adamw, sgd]}      # any values
```
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from dltui.recipe.names import described, unknown

RangeKind = Literal["uniform", "loguniform", "int"]
_FORMS: Final = (str.lower, str.upper, str.title)
KINDS: Final = ("choice", *get_args(RangeKind))
UNSEARCHED: Final = ("dltui", "name", "about", "extends", "plugins", "sweep")
"""Sections that are not settings of a training."""
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NO_TEXT: Final = {form(word) for word in ("true", "false", "null") for form in _FORMS}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, whatever they are."""

    values: tuple[Any, ...]

    @property
    def grid(self) -> tuple[Any, ...]:
        """Every value there is."""
        return self.values

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that stand for all when the recipe is checked with them."""
        return self.values


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; of `int` every `step`-th."""

    kind: RangeKind
    low: float
    high: float
    step: int = 1

    @property
    def grid(self) -> tuple[Any, ...] | None:
        """Every value there is; None where they are not to be counted."""
        if self.kind != "int":
            return None
        return tuple(range(int(self.low), int(self.high) + 1, self.step))

    @property
    def ends(self) -> tuple[Any, ...]:
        """The first and the last value."""
        counted = self.grid
        return (self.low, self.high) if counted is None else (counted[0], counted[-1])


Dimension = Choice | Range


def dimension(said: Mapping[str, Any]) -> Dimension:
    """What `{loguniform: [1e-4, 1e-1]}` means. Raises ValueError, in words for the user."""
    if len(said) != 1:
        raise ValueError(f"expected one of {', '.join(KINDS)}, as in {{uniform: [0, 0.5]}}")
    ((kind, values),) = said.items()
    if kind not in KINDS:
        raise ValueError(unknown("kind of range", str(kind), KINDS))
    if not isinstance(values, list):
        raise ValueError(f"{kind} takes a list, not {described(values)}")
    if kind == "choice":
        return _choice(values)
    return _range(kind, values)


def read_space(space: Mapping[str, Mapping[str, Any]]) -> dict[str, Dimension]:
    """The dimensions of a checked recipe by their keys."""
    return {key: dimension(said) for key, said in space.items()}


def override(key: str, value: Any) -> str:
    """`optimizer.lr=0.001`; JSON is YAML, and a plain word needs no quotes."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value not in _NO_TEXT:
        return f"{key}={value}"
    text = json.dumps(value, ensure_ascii=False)
    # What YAML takes in no other way.
    shown = (char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
    return f"{key}={''.join(shown)}"


def _choice(values: list[Any]) -> Choice:
    if not values:
        raise ValueError("choice has nothing to choose from")
    texts = [json.dumps(value, sort_keys=True) for value in values]
    for place, text in enumerate(texts):
        if text in texts[:place]:
            raise ValueError(f"choice lists {text} twice")
    return Choice(tuple(values))


def _range(kind: str, values: list[Any]) -> Range:
    most = 3 if kind == "int" else 2
    form = "[low, high] or [low, high, step]" if kind == "int" else "[low, high]"
    number = int if kind == "int" else int | float
    if not 2 <= len(values) <= most or not all(
        isinstance(value, number) and not isinstance(value, bool) for value in values
    ):
        what = "whole numbers" if kind == "int" else "numbers"
        raise ValueError(f"{kind} takes {what}: {form}")
    low, high, step = values[0], values[1], values[2] if len(values) == 3 else 1
    if low >= high:
        raise ValueError(f"{kind} goes from low to high, and {low:g} is not below {high:g}")
    if kind == "loguniform" and low <= 0:
        raise ValueError(f"loguniform starts above 0, not at {low:g}")
    if step < 1:
        raise ValueError(f"the step of int is at least 1, not {step}")
    return Range(cast(RangeKind, kind), low, high, step)
