"""What a recipe may know of a task without torch: its keys, what it learns from, what it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.recipe.schema.base import Section

Shape = tuple[int | None, ...]
"""A shape without the batch; None stands for any size."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a network is fed, and what it has to give back.

    `shape` and `dtype` are of its one unnamed input; `inputs` of those that it may take by name.
    `output` is the one tensor's shape, or those of its outputs by name; None where anything goes.
    A `closed` one is fed with `inputs` alone, and a network that does not read them all is refused.
    """

    shape: tuple[int, ...]
    dtype: Literal["float32", "int64"]
    inputs: tuple[InputInfo, ...] = ()
    output: Shape | Mapping[str, Shape] | None = None
    closed: bool = False

    def seen_from(self, info: DataInfo) -> DataInfo:
        """The data as this network sees it."""
        return replace(info, shape=self.shape, dtype=self.dtype, inputs=self.inputs)


def fed_with_examples(info: DataInfo, output: Shape | Mapping[str, Shape] | None) -> Interface:
    """The interface of a network that takes the examples as they are."""
    return Interface(info.shape, info.dtype, info.inputs, output)


Interfaces = Callable[[Any, DataInfo], Mapping[str, Interface]]
"""From the task's section and the data to the interface of every network by name."""


def one_network(output: Callable[[Any, DataInfo], Shape | None]) -> Interfaces:
    """Of a task whose single network takes the examples and gives `output(section, info)`."""
    return lambda section, info: {"model": fed_with_examples(info, output(section, info))}


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task as a recipe sees it. `dltui.worker.tasks` holds what it does, by the same name."""

    section: type[Section]
    """The keys of `task:`, its `type` among them."""
    learns: tuple[str, ...]
    """The kinds of `DataInfo.target` that it learns; empty where it needs none."""
    default_metrics: tuple[str, ...]
    main_metric: str
    """Decides which checkpoint is `best`: `val/accuracy`."""
    interfaces: Interfaces
    metrics: tuple[str, ...] = ()
    """Metrics that fit beside the defaults."""
    networks: tuple[tuple[str, ...], ...] = (("model",),)
    """The sets of networks that it can train; `("model",)` is written as `model:`."""
    optimizers: tuple[str, ...] = ()
    """Names under `optimizers:` that it needs; empty where one `optimizer:` trains it all."""
    special_tokens: tuple[str, ...] = ()
    """Tokens beside those of the text that tokenisers must have for it; `padding` is the first."""

    @property
    def name(self) -> str:
        """Its `type` in a recipe."""
        return str(self.section.model_fields["type"].annotation.__args__[0])  # type: ignore[union-attr]

    @property
    def fitting_metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.default_metrics, *self.metrics)))
