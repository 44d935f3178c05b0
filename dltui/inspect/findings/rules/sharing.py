"""Names that stand for the same numbers, on purpose or not, and names without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dltui.inspect.contents import BITS, Tensor
from dltui.inspect.findings.evidence import Evidence, window
from dltui.inspect.findings.finding import Finding, counted, listed

LEAST_ELEMENTS = 64
"""Short tensors may be equal by chance or by how they begin."""


def no_values(evidence: Evidence) -> Iterator[Finding]:
    """Tensors that the file names without keeping their numbers (torch's meta device)."""
    empty = [t.name for t in evidence.checkpoint.tensors if t.place is None and t.elements]
    if empty:
        yield Finding(
            "no_values",
            "warning",
            empty[0],
            f"the file has no values for {counted(len(empty), 'tensor')}: {listed(empty)}",
            {"tensors": float(len(empty))},
        )


def tied(evidence: Evidence) -> Iterator[Finding]:
    """Names that share one storage: weights that are tied, counted once everywhere."""
    groups: dict[tuple[object, ...], list[str]] = {}
    tensors = [tensor for part in evidence.parts for tensor in part.tensors]
    names_of = Counter(tensor.storage for tensor in tensors)
    for tensor in tensors:
        same = window(tensor) if names_of[tensor.storage] > 1 else None
        if same is not None and tensor.elements > 1:
            groups.setdefault(same, []).append(tensor.name)
    for names in groups.values():
        if len(names) > 1:
            yield Finding(
                "tied",
                "note",
                names[0],
                f"{len(names)} names share one storage (tied): {listed(names)}",
                {"names": float(len(names))},
            )


def duplicates(evidence: Evidence) -> Iterator[Finding]:
    """Weights of one part with the same numbers, kept twice: copied, or tied and saved apart.

    Of matrices and kernels: the biases of a sum's two sides have the same gradients all their life.
    """
    candidates: dict[tuple[object, ...], list[Tensor]] = {}
    part_of = {tensor.name: part.prefix for part in evidence.parts for tensor in part.tensors}
    for tensor, found in evidence.weights_seen():
        if len(tensor.shape) < 2 or tensor.dtype not in BITS or found.min == found.max:
            continue
        if tensor.elements < LEAST_ELEMENTS:
            continue
        same = (part_of[tensor.name], tensor.shape, tensor.dtype, found.min, found.max)
        candidates.setdefault((*same, found.mean, found.l2_norm), []).append(tensor)
    for tensors in candidates.values():
        first = tensors[0]
        copies = [tensor for tensor in tensors[1:] if _equal(evidence, first, tensor)]
        if copies:
            names = [tensor.name for tensor in copies]
            yield Finding(
                "duplicates",
                "note",
                first.name,
                f"the same values once more in {listed(names)}",
                {"copies": float(len(copies))},
            )


def _equal(evidence: Evidence, a: Tensor, b: Tensor) -> bool:
    if evidence.values is None:
        return False
    # numpy, which the rules that read no values do without
    from dltui.inspect.row_order import aligned

    values = evidence.values
    return all(one.tobytes() == other.tobytes() for one, other in aligned((values, a), (values, b)))
