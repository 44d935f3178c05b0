"""Rows and columns of weights that are exactly zero: dead units, inputs not listened to."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from dltui.inspect.contents import Tensor
from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dltui.inspect.statistics import Statistics
    from dltui.inspect.values import Values


_TABLES = ("embed", "embd", "token", "word", "vocab", "wte", "wpe", "relative_position")
"""What tables of vectors are called, of which a row is looked up."""


def dead_channels(evidence: Evidence) -> Iterator[Finding]:
    """Output channels, and input channels, whose weights are all exactly 0.

    Of a norm's weight every zero is a dead channel. Of embeddings, one row may be zero (padding),
    and more are only noted: nobody has used these words.
    """
    if evidence.values is None:
        return
    for tensor, found in evidence.weights_seen():
        if found.zeros in (0, found.count):
            continue
        if _is_norm(tensor):
            yield _finding(tensor, found.zeros, tensor.shape[0], "channels", "warning")
        elif len(tensor.shape) > 1 and _may_be_dead(tensor, found):
            yield from _of_matrix(evidence.values, tensor)


def _of_matrix(values: Values, tensor: Tensor) -> Iterator[Finding]:
    outputs, inputs = zero_lines(values, tensor)
    dead, total = int(outputs.sum()), len(outputs)
    if _is_embedding(tensor):
        if 1 < dead < total:
            yield _finding(tensor, dead, total, "rows", "note")
        return
    if 0 < dead < total:
        yield _finding(tensor, dead, total, "output channels", "warning")
    deaf = int(inputs.sum())
    if 0 < deaf < len(inputs):
        yield _finding(tensor, deaf, len(inputs), "input channels", "note")


def _finding(tensor: Tensor, dead: int, total: int, what: str, severity: str) -> Finding:
    return Finding(
        "dead_channels",
        "note" if severity == "note" else "warning",
        tensor.name,
        f"{dead:,} of {total:,} {what} are exactly 0" + ("" if severity == "note" else " (dead)"),
        {"dead": float(dead), "channels": float(total)},
    )


def zero_lines(values: Values, tensor: Tensor) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which indices of the first dimension, and which of the second, hold nothing but zeros.

    For a tensor of two or more dimensions (O, I, …): arrays of shape (O,) and (I,).
    """
    # numpy, which the rules that read no values do without
    import numpy as np

    from dltui.inspect.dtypes import numbers
    from dltui.inspect.row_order import in_rows

    rows, columns, rest = tensor.shape[0], tensor.shape[1], prod(tensor.shape[2:])
    row_alive, column_alive = np.zeros(rows, bool), np.zeros(columns, bool)
    begin = 0
    for piece in in_rows(values, tensor):
        places = begin + np.flatnonzero(numbers(piece, tensor.dtype))
        begin += len(piece)
        lines = places // max(rest, 1)
        row_alive[lines // columns] = True
        column_alive[lines % columns] = True
    return ~row_alive, ~column_alive


def _may_be_dead(tensor: Tensor, found: Statistics) -> bool:
    """Whether there are as many zeros as the shortest row or column has elements."""
    longest = max(tensor.shape[0], tensor.shape[1])
    return found.zeros >= tensor.elements // longest


def _is_norm(tensor: Tensor) -> bool:
    return len(tensor.shape) == 1 and tensor.name.rpartition(".")[2] in ("weight", "gamma")


def _is_embedding(tensor: Tensor) -> bool:
    name = tensor.name.lower()
    return any(word in name for word in _TABLES)
