"""What the rules look at: a checkpoint with its parts, statistics, and values where need be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from dltui.inspect.contents import Checkpoint, Tensor, View
from dltui.inspect.optimizer_state import OptimizerSlot, bare, optimizer_slots, trained
from dltui.inspect.parts import Part, parts
from dltui.inspect.roles import is_buffer

if TYPE_CHECKING:
    from dltui.inspect.statistics import Statistics
    from dltui.inspect.values import Values


class Evidence:
    """Derived things are found once, when a rule first asks."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        statistics: Mapping[str, Statistics] | None = None,
        values: Values | None = None,
    ):
        self.checkpoint = checkpoint
        self.statistics: Mapping[str, Statistics] = statistics or {}
        self.values = values

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """As `parts.parts`."""
        return parts(self.checkpoint)

    @cached_property
    def weights(self) -> tuple[Tensor, ...]:
        """What is trained, of the model and its average, each storage once."""
        return tuple(
            tensor
            for part in self.parts
            if part.kind in ("model", "ema")
            for tensor in trained(part)
        )

    @cached_property
    def buffers(self) -> tuple[Tensor, ...]:
        """What is kept with the model and its average, and not trained."""
        return tuple(
            tensor
            for part in self.parts
            if part.kind in ("model", "ema")
            for tensor in part.tensors
            if is_buffer(tensor)
        )

    @cached_property
    def slots(self) -> tuple[OptimizerSlot, ...]:
        """The optimizers' tensors with their parameters."""
        return optimizer_slots(self.checkpoint)

    @cached_property
    def pairs(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """The model's weights, each with its moving average."""
        models = [part for part in self.parts if part.kind == "model"]
        averages = [part for part in self.parts if part.kind == "ema"]
        if not models or not averages:
            return ()
        known = {bare(averages[0].local_name(t)): t for t in averages[0].tensors}
        own = ((tensor, bare(models[0].local_name(tensor))) for tensor in trained(models[0]))
        return tuple((tensor, known[name]) for tensor, name in own if name in known)

    def seen(self, tensor: Tensor) -> Statistics | None:
        """The statistics of a tensor whose values have all been looked at."""
        found = self.statistics.get(tensor.name)
        return None if found is None or found.partial or not found.count else found

    def weights_seen(self) -> Iterator[tuple[Tensor, Statistics]]:
        """The weights that have been looked at in full."""
        for tensor in self.weights:
            found = self.seen(tensor)
            if found is not None:
                yield tensor, found


def window(tensor: Tensor) -> tuple[object, ...] | None:
    """Tensors with the same window are the same numbers of the file; None where none can be."""
    if not tensor.storage:
        return None
    place = tensor.place
    if isinstance(place, View):
        return tensor.storage, place.offset, tensor.shape, place.stride
    return tensor.storage, tensor.shape
