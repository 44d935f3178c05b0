"""Histograms by the top bits of each float32, many tensors at once.

Sign, exponent and two bits of mantissa number one of 2,048 buckets, so that no pass is needed to
find limits first, every magnitude is resolved alike, and infinity and NaN have buckets of their
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dltui.runs.buckets import BUCKETS, SHIFT
from dltui.worker.probes.norms import spaced

SAMPLE_ELEMENTS = 1 << 15
"""Of a larger tensor an evenly spaced part of this size is counted: enough for a picture of the
distribution; single NaN in the rest show in its norm."""
CHUNK_ELEMENTS = 1 << 20
ALONE_ELEMENTS = 1 << 12
"""On a CPU tensors of this size are counted one by one: joining them costs more than a call."""


def sample(tensor: Tensor) -> Tensor:
    """The values of `tensor` to count, float32 `(n,)`, n ≤ about SAMPLE_ELEMENTS."""
    return spaced(tensor.detach(), SAMPLE_ELEMENTS).float()


def bucket_counts(samples: Sequence[Tensor]) -> Tensor:
    """Counts int32 `(len(samples), BUCKETS)` on the samples' device; never synchronises on CUDA."""
    if not samples:
        return torch.zeros((0, BUCKETS), dtype=torch.int32)
    return torch.cat([_counts(chunk) for chunk in _chunks(samples)])


def _chunks(samples: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    chunk: list[Tensor] = []
    size = 0
    for values in samples:
        size += values.numel()
        alone = values.device.type == "cpu" and values.numel() > ALONE_ELEMENTS
        if chunk and (alone or size > CHUNK_ELEMENTS):
            yield chunk
            chunk, size = [], values.numel()
        chunk.append(values)
        if alone:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _counts(samples: list[Tensor]) -> Tensor:
    values = torch.cat(samples) if len(samples) > 1 else samples[0]
    bucket = values.view(torch.int32).bitwise_right_shift(SHIFT).bitwise_and_(BUCKETS - 1)
    if len(samples) > 1:
        bucket += _first_buckets(samples)
    length = len(samples) * BUCKETS
    if values.is_cuda:
        # bincount asks the device for the largest value first, which would wait for it
        ones = torch.ones(1, dtype=torch.int32, device=values.device).expand(values.numel())
        counts = torch.zeros(length, dtype=torch.int32, device=values.device)
        counts.index_add_(0, bucket, ones)
    else:
        counts = torch.bincount(bucket, minlength=length).to(torch.int32)
    return counts.view(len(samples), BUCKETS)


def _first_buckets(samples: list[Tensor]) -> Tensor:
    """For each value of the joined samples the number of its sample's first bucket."""
    device = samples[0].device
    sizes = torch.tensor([s.numel() for s in samples])
    rows = torch.arange(0, len(samples) * BUCKETS, BUCKETS, dtype=torch.int32)
    total = int(sizes.sum())
    if device.type == "cuda":
        sizes, rows = (t.pin_memory().to(device, non_blocking=True) for t in (sizes, rows))
    else:
        sizes, rows = sizes.to(device), rows.to(device)
    return torch.repeat_interleave(rows, sizes, output_size=total)
