"""Token sequences of different lengths side by side, and pairs of them as examples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.tokenizer import PADDING, Tokenizer

IGNORED = -100
"""The target where there is nothing to learn: what torch's cross-entropy leaves out."""


def padded(sequences: Sequence[Tensor], length: int, filler: int = PADDING) -> Tensor:
    """Sequences of at most `length` tokens as rows `(N, length)`, filled up on the right."""
    rows = torch.full((len(sequences), length), filler, dtype=torch.int64)
    for row, tokens in zip(rows, sequences, strict=True):
        row[: len(tokens)] = tokens
    return rows


def pair_examples(
    sources: Sequence[Tensor], targets: Sequence[Tensor], tokenizer: Tokenizer, info: DataInfo
) -> TensorExamples:
    """Inputs `source` `(N, S)` and `target` `(N, T)`, which is what has been written so far: a
    `begin`, then the target. To be learned, `(N, T)`: the target and its `end`, then −100."""
    begin = torch.tensor([tokenizer.special["begin"]])
    end = torch.tensor([tokenizer.special["end"]])
    length = info.input("target").shape[0]
    inputs = {
        "source": padded(sources, info.shape[0]),
        "target": padded([torch.cat([begin, target]) for target in targets], length),
    }
    wanted = padded([torch.cat([target, end]) for target in targets], length, IGNORED)
    return TensorExamples(inputs, wanted)


def pair_info(vocab: int, source_length: int, target_length: int) -> DataInfo:
    """The facts of pairs with sources of `source_length` and targets of `target_length` tokens,
    their end counted."""
    return DataInfo(
        shape=(source_length,),
        dtype="int64",
        target="sequence",
        vocab=vocab,
        context=source_length,
        inputs=(
            InputInfo("source", (source_length,), "int64"),
            InputInfo("target", (target_length,), "int64"),
        ),
    )
