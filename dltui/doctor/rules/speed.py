"""Time that does not go into training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dltui.doctor.finding import Finding
from dltui.doctor.record import Record

LOADER_SHARE = 0.5
MIN_SAMPLES = 15
"""The system log has about one sample a second."""


def loader_bound(record: Record) -> Iterator[Finding]:
    """More than half of the step time is spent waiting for data."""
    shares = record.curve("system/loader_share")
    if len(shares) < MIN_SAMPLES:
        return
    share = float(np.nanmedian(shares.tail(0.0, 30).values))
    if not share > LOADER_SHARE:
        return
    yield Finding(
        "loader_bound",
        "warning",
        None,
        int(shares.steps[-1]),
        f"{share:.0%} of the step time is spent waiting for the next batch.",
        "try data.on_device=true where the set fits, data.workers=2 or more, cheaper augmentation",
        {"loader_share": share},
    )


def diagnostics_over_budget(record: Record) -> Iterator[Finding]:
    """The diagnostics take clearly more than their budget."""
    shares = record.curve("system/diagnostics_share")
    if len(shares) < 4 * MIN_SAMPLES:
        return
    share = float(np.nanmedian(shares.tail(0.25, MIN_SAMPLES).values))
    if not share > 3 * record.budget + 0.01:
        return
    yield Finding(
        "diagnostics_over_budget",
        "info",
        None,
        int(shares.steps[-1]),
        f"Diagnostics take {share:.1%} of the step time; the budget is {record.budget:.1%}.",
        "try diagnostics.histograms=false or diagnostics.activations=false, or a fixed spacing "
        "with diagnostics.every_steps=500",
        {"share": share, "budget": record.budget},
    )
