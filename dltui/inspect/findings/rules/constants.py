"""Matrices and kernels that hold one number only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dltui.inspect.contents import Tensor
from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding

_MEANT = re.compile(
    r"token|pos_?emb|position|layer_?scale|gamma|lora|scale|adaLN|zero|alpha|mask|query", re.I
)
"""What is meant to begin with one number: class tokens, layer scales, the second LoRA matrix."""


def all_zero(evidence: Evidence) -> Iterator[Finding]:
    """A layer whose weights are all 0 gives the same for every input.

    Some are made so and wait for their first step (the heads of torchvision's ViT): a note where
    nothing else says that the model was trained.
    """
    for tensor, found in evidence.weights_seen():
        if found.zeros == found.count and _is_layer(tensor):
            yield Finding(
                "all_zero",
                "warning" if evidence.slots else "note",
                tensor.name,
                f"all {found.count:,} values are 0",
                {"zeros": float(found.zeros)},
            )


def constant(evidence: Evidence) -> Iterator[Finding]:
    """A layer whose weights are all the same has outputs that are all the same."""
    for tensor, found in evidence.weights_seen():
        if found.min == found.max != 0 and found.finite == found.count and _is_layer(tensor):
            yield Finding(
                "constant",
                "warning",
                tensor.name,
                f"all {found.count:,} values are {found.min:.6g}",
                {"value": found.min},
            )


def _is_layer(tensor: Tensor) -> bool:
    """A matrix or kernel with something to tell apart."""
    wide = [size for size in tensor.shape if size > 1]
    return len(wide) > 1 and not _MEANT.search(tensor.name)
