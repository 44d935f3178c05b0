"""Running statistics of batch normalisation."""

from __future__ import annotations

from collections.abc import Iterator

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding, counted

DEAD_VARIANCE = 1e-10
"""Five orders below torch's eps of 1e-5: what comes in does not change at all."""


def batch_norm_variance(evidence: Evidence) -> Iterator[Finding]:
    """A variance below zero is damage; one near zero means that a channel's input never changes,
    and whatever does change in it later is made 1/√eps (316) times larger."""
    for tensor in evidence.buffers:
        found = evidence.seen(tensor)
        if found is None or tensor.name.rpartition(".")[2] not in (
            "running_var",
            "moving_variance",
        ):
            continue
        if found.min < 0:
            yield Finding(
                "batch_norm_variance",
                "error",
                tensor.name,
                f"{counted(found.negative, 'variance')} below 0, the smallest {found.min:.3g}",
                {"negative": float(found.negative), "min": found.min},
            )
        elif found.min < DEAD_VARIANCE:
            dead = _how_many(evidence, tensor.name)
            yield Finding(
                "batch_norm_variance",
                "warning",
                tensor.name,
                f"{counted(dead, 'channel')} of {found.count:,} with a variance near 0, the "
                f"smallest {found.min:.3g}: its input never changes",
                {"channels": float(dead), "min": found.min},
            )


def _how_many(evidence: Evidence, name: str) -> int:
    if evidence.values is None:
        return 1
    # numpy, which the rules that read no values do without
    import numpy as np

    tensor = next(each for each in evidence.buffers if each.name == name)
    return int(np.count_nonzero(np.asarray(evidence.values.whole(tensor), float) < DEAD_VARIANCE))
