"""NaN and infinity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from dltui.inspect.contents import Tensor
from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding, counted
from dltui.inspect.progress import progress
from dltui.inspect.roles import is_buffer


def nonfinite(evidence: Evidence) -> Iterator[Finding]:
    """A number that is none spoils everything that is computed with it.

    Minus infinity in a mask is meant; only NaN counts in buffers without a running statistic.
    """
    for tensor in evidence.checkpoint.tensors:
        found = evidence.statistics.get(tensor.name)
        if found is None:
            continue
        mask = is_buffer(tensor) and "running" not in tensor.name and "moving" not in tensor.name
        infinite = 0 if mask else found.infinite
        if not found.nan and not infinite:
            continue
        kinds = [counted(found.nan, "NaN", "NaN")] if found.nan else []
        kinds += [counted(infinite, "infinite value")] if infinite else []
        at = _first(evidence, tensor)
        yield Finding(
            "nonfinite",
            "error",
            tensor.name,
            f"{' and '.join(kinds)} of {found.seen:,}" + (f", first at {list(at)}" if at else ""),
            {"nan": float(found.nan), "infinite": float(infinite)},
        )


def _first(evidence: Evidence, tensor: Tensor) -> tuple[int, ...] | None:
    """The index of the first value that is not finite."""
    if evidence.values is None or not tensor.shape or tensor.dtype.startswith("complex"):
        return None
    # numpy, which the rules that read no values do without
    import numpy as np

    from dltui.inspect.dtypes import numbers
    from dltui.inspect.row_order import in_rows

    begin = 0
    for piece in in_rows(evidence.values, tensor):
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~np.isfinite(numbers(piece, tensor.dtype)))
        if len(wrong):
            index = np.unravel_index(begin + int(wrong[0]), tensor.shape)
            return tuple(int(each) for each in index)
        begin += len(piece)
    return None


def metadata_not_finite(evidence: Evidence) -> Iterator[Finding]:
    """A loss or score in the metadata that is NaN or infinite: the training had failed."""
    for key, value in progress(evidence.checkpoint).items():
        if _is_broken(value) and "best" not in key:
            yield Finding(
                "metadata_not_finite",
                "warning",
                "",
                f"the file says {key} = {value}",
            )
    for key, value in _last(evidence.checkpoint.metadata).items():
        if _is_broken(value):
            yield Finding("metadata_not_finite", "warning", "", f"the file says {key} = {value}")


def _last(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The latest metrics, as dltui's own checkpoints keep them."""
    last = metadata.get("last")
    return last if isinstance(last, Mapping) else {}


def _is_broken(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
