"""NaN and infinity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Record

CONSECUTIVE = 3
"""Mixed precision overflows a gradient now and then and skips that step: no fault by itself."""
REMEDY = (
    "try optimizer.lr={lr}, trainer.clip.norm=1, trainer.precision=float32; "
    "look for log, sqrt or division of values that reach 0"
)


def nonfinite(record: Record) -> Iterator[Finding]:
    """The loss, or a layer's weights, gradients or outputs, hold NaN or infinity."""
    loss = record.curve("train/loss")
    bad = np.flatnonzero(~np.isfinite(loss.values))
    step = int(loss.steps[bad[0]]) if len(bad) else None
    layer, what, seen_at = _origin(record)
    if step is None and layer is None:
        return
    where = (
        f" The first layer to show it is {layer}{f' ({what})' if what else ''}." if layer else ""
    )
    if step is not None:
        message = f"train/loss is {loss.values[bad[0]]} at step {step:,}.{where}"
    else:
        step = seen_at
        message = f"NaN or infinity in a layer while the loss is still finite.{where}"
    lr = record.learning_rate
    remedy = REMEDY.format(lr=f"{lr / 10:.1g}" if lr > 0 else "a tenth")
    evidence = {"nonfinite_losses": float(len(bad)), "learning_rate": lr}
    yield Finding("nonfinite", "error", layer, step, message, remedy, evidence)


def _origin(record: Record) -> tuple[str | None, str | None, int | None]:
    """Layer, kind of value and step: as the worker found it, else from the sampled frames."""
    for culprit in record.culprits:
        return culprit.layer, culprit.what, culprit.step
    loss_is_bad = not np.isfinite(record.curve("train/loss").values).all()
    for history, kinds in ((record.activations, _outputs(record)), (record.layers, ())):
        if history is None:
            continue
        bad = history.nonfinite > 0
        if loss_is_bad or bad[-CONSECUTIVE:].any(axis=1).sum() >= CONSECUTIVE:
            rows, columns = np.nonzero(bad)
            if len(rows):
                column = int(columns[0])
                what = kinds[column] if kinds else "weight or gradient"
                return history.names[column], what, int(history.steps[rows[0]])
    return None, None, None


def _outputs(record: Record) -> tuple[str, ...]:
    after = record.activations.after if record.activations is not None else ()
    return tuple(f"output, behind {layer}" for layer in after)
