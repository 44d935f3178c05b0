"""A loss or gradient that is NaN or infinite: named by layer and step; then as the recipe says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dltui.errors import TrainingError
from dltui.worker.probes import locate_nonfinite
from dltui.worker.tasks import Phase

if TYPE_CHECKING:
    from dltui.worker.data import Batch
    from dltui.worker.parts import Parts
    from dltui.worker.record import RunRecord

What = Literal["loss", "gradient norm"]
_REMEDY = (
    "lower optimizer.lr, clip gradients (trainer.clip.norm: 1), or look for broken values in the"
    " data; diagnostics.on_nan: rollback goes back to the last checkpoint with a lower learning"
    " rate, continue goes on regardless"
)


class DivergedError(TrainingError):
    """The loss or the gradients became NaN or infinite, and the recipe does not say: continue."""


class NonFinite:
    """Tells the first of a row of broken values; `is_on` from then until one is sound again."""

    def __init__(self, parts: Parts, record: RunRecord, *, goes_on: bool):
        self.is_on = False
        self._parts = parts
        self._record = record
        self._goes_on = goes_on

    def found(
        self, step: int, value: float, group: Sequence[Batch], phase: Phase, what: What = "loss"
    ) -> None:
        """`what` of `step` is broken. Raises DivergedError unless the recipe says to go on."""
        if self.is_on:
            return
        self.is_on = True
        found = locate_nonfinite(self._parts.model, lambda: self._try_again(group, phase))
        how = "NaN" if math.isnan(value) else "infinite"
        message = f"the {what} became {how} at step {step}{_place(found, step)}"
        data = {"layer": found[0] if found else None, "what": found[1] if found else None}
        self._record.event("alarm", message, level="error", data=data, step=step)
        if not self._goes_on:
            raise DivergedError(message, where=found[0] if found else None, remedy=_REMEDY)

    def _try_again(self, group: Sequence[Batch], phase: Phase) -> None:
        for batch in group:
            with self._parts.precision.autocast():
                loss = self._parts.task.step(self._parts.plain, batch, phase)[0]
            loss.backward()  # type: ignore[no-untyped-call]


def _place(found: tuple[str, str] | None, step: int) -> str:
    if found is None:
        return ""
    layer, part = found
    if part == "weight":
        return f"; the weight of {layer} was broken by the update of step {step - 1}"
    return f"; it starts in the {part} of {layer}"
