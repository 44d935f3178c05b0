"""A loss that is NaN or infinite: named by layer and step; the end, unless told to go on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.errors import TrainingError
from dltui.worker.probes import locate_nonfinite
from dltui.worker.tasks import Phase

if TYPE_CHECKING:
    from dltui.worker.data import Batch
    from dltui.worker.parts import Parts
    from dltui.worker.record import RunRecord


class NonFinite:
    """Tells the first of a row of broken losses; `is_on` from then until one is sound again."""

    def __init__(self, parts: Parts, record: RunRecord, *, stops: bool):
        self.is_on = False
        self._parts = parts
        self._record = record
        self._stops = stops

    def found(self, step: int, loss: float, group: Sequence[Batch], phase: Phase) -> None:
        """The loss of `step` is broken. Raises TrainingError where the recipe says to stop."""
        if self.is_on:
            return
        self.is_on = True
        found = locate_nonfinite(self._parts.model, lambda: self._try_again(group, phase))
        what = "NaN" if math.isnan(loss) else "infinite"
        place = f"; it starts in the {found[1]} of {found[0]}" if found else ""
        message = f"the loss became {what} at step {step}{place}"
        data = {"layer": found[0] if found else None, "what": found[1] if found else None}
        self._record.event("alarm", message, level="error", data=data, step=step)
        if self._stops:
            raise TrainingError(
                message,
                where=found[0] if found else None,
                remedy="lower optimizer.lr, clip gradients (trainer.clip.norm: 1), or look for "
                "broken values in the data; diagnostics.on_nan: continue goes on regardless",
            )

    def _try_again(self, group: Sequence[Batch], phase: Phase) -> None:
        for batch in group:
            with self._parts.precision.autocast():
                loss = self._parts.task.step(self._parts.plain, batch, phase)[0]
            loss.backward()  # type: ignore[no-untyped-call]
