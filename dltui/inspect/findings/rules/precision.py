"""Types of numbers: several in one model, and values at the ends of what a type can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dltui.inspect.contents import BITS
from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding, counted, listed

SUBNORMAL_SHARE = 0.01
HALF_SUBNORMAL_SHARE = 0.1
"""Of float16: its smallest normal number is 6e-5, and a few small weights are always below."""


def precision_mix(evidence: Evidence) -> Iterator[Finding]:
    """Matrices and kernels of one model in more than one type of floating point.

    Norms and biases may be kept exact beside half-precision matrices; packed and integer types are
    the business of a quantisation, which mixes them on purpose.
    """
    for part in evidence.parts:
        if part.kind not in ("model", "ema"):
            continue
        matrices = [t for t in part.tensors if len(t.shape) > 1 and "float" in t.dtype]
        if any(tensor.dtype not in BITS for tensor in part.tensors):
            continue
        kinds = Counter(tensor.dtype for tensor in matrices)
        if len(kinds) < 2:
            continue
        usual, _ = kinds.most_common(1)[0]
        others = [tensor for tensor in matrices if tensor.dtype != usual]
        text = ", ".join(f"{number:,} in {kind}" for kind, number in kinds.most_common())
        yield Finding(
            "precision_mix",
            "note",
            others[0].name,
            f"matrices of the {part.title} are kept in several types: {text} "
            f"({listed([tensor.name for tensor in others])})",
            {kind: float(number) for kind, number in kinds.items()},
        )


def saturated(evidence: Evidence) -> Iterator[Finding]:
    """Weights at the largest number that their type can hold: they were cut off there.

    8-bit floats are scaled so that their largest is reached.
    """
    for tensor, found in evidence.weights_seen():
        if found.at_limit and BITS.get(tensor.dtype, 0) >= 16:
            yield Finding(
                "saturated",
                "warning",
                tensor.name,
                f"{counted(found.at_limit, 'value')} at ±{found.abs_max:.6g}, the largest number "
                f"of {tensor.dtype}",
                {"at_limit": float(found.at_limit)},
            )


def subnormal(evidence: Evidence) -> Iterator[Finding]:
    """Many weights below the smallest normal number: digits are lost, and CPUs slow."""
    for tensor, found in evidence.weights_seen():
        if BITS.get(tensor.dtype, 0) < 16:
            continue
        most = HALF_SUBNORMAL_SHARE if tensor.dtype == "float16" else SUBNORMAL_SHARE
        share = found.subnormal / found.count
        if share > most:
            yield Finding(
                "subnormal",
                "note",
                tensor.name,
                f"{share:.1%} of the values are subnormal in {tensor.dtype}",
                {"share": share},
            )
