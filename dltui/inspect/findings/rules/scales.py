"""Weights and running statistics that have grown out of all proportion."""

from __future__ import annotations

from collections.abc import Iterator

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding

LARGE_WEIGHT = 1e4
"""Weights of published networks stay below some hundreds, single outliers included."""
LARGE_SPREAD = 100.0
"""Standard deviation of a matrix or kernel; usual ones are below 1, embeddings below 10."""
LARGE_VARIANCE = 1e8
"""Of a layer's inputs: activations of 10,000."""


def exploding_scale(evidence: Evidence) -> Iterator[Finding]:
    """The weights have run away, or the activations that a norm has seen."""
    for tensor, found in evidence.weights_seen():
        wide = len(tensor.shape) > 1 and found.std > LARGE_SPREAD
        if found.abs_max > LARGE_WEIGHT or wide:
            yield Finding(
                "exploding_scale",
                "warning",
                tensor.name,
                f"largest magnitude {found.abs_max:.3g}, standard deviation {found.std:.3g}",
                {"abs_max": found.abs_max, "std": found.std},
            )
    for tensor in evidence.buffers:
        seen = evidence.seen(tensor)
        last = tensor.name.rpartition(".")[2]
        if seen is None or last not in ("running_var", "moving_variance"):
            continue
        if seen.max > LARGE_VARIANCE:
            yield Finding(
                "exploding_scale",
                "warning",
                tensor.name,
                f"largest variance {seen.max:.3g}: the activations before it are of the order of "
                f"{seen.max**0.5:.2g}",
                {"max": seen.max},
            )
