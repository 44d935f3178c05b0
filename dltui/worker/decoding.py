"""Writing token sequences with a network that reads what it has written so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dltui.worker.data.tokenizer import PADDING

Forward = Callable[[Tensor, Tensor], Tensor]
"""`logits(source, target)`: `(N, S)` and `(N, T)` tokens to `(N, T, V)`, causal in the target."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The tokens that open and close what is written, and its most tokens, the end counted."""

    begin: int
    end: int
    length: int


def greedy(forward: Forward, source: Tensor, ends: Ends) -> Tensor:
    """The likeliest token each time: `(N, length)`, padding after the end.

    The network always sees `(N, length)` tokens: one shape for compiled networks.
    """
    written = _opened(len(source), ends, source)
    done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    tokens = []
    for place in range(ends.length):
        token = forward(source, written)[:, place].argmax(-1).masked_fill(done, PADDING)
        tokens.append(token)
        done |= token == ends.end
        if place + 1 < ends.length:
            written[:, place + 1] = token
        if bool(done.all()):
            break
    return _filled(torch.stack(tokens, 1), ends.length)


def beam_search(
    forward: Forward, source: Tensor, ends: Ends, beams: int, penalty: float = 1.0
) -> Tensor:
    """The best of `beams` sequences by log p / tokens^`penalty`: `(N, length)`, padding after the
    end (Wu et al. 2016, https://arxiv.org/abs/1609.08144, without its coverage)."""
    count = len(source)
    first_row = torch.arange(count, device=source.device).unsqueeze(1) * beams
    sources = source.repeat_interleave(beams, 0)
    written = _opened(count * beams, ends, source)
    # At first all beams of an example are alike: only one of them may go on.
    score = torch.full((count, beams), -torch.inf, device=source.device)
    score[:, 0] = 0
    tokens = torch.zeros(count * beams, 0, dtype=torch.int64, device=source.device)
    done = torch.zeros(count * beams, dtype=torch.bool, device=source.device)
    size = torch.zeros(count * beams, device=source.device)
    for place in range(ends.length):
        log_p = forward(sources, written)[:, place].float().log_softmax(-1)
        closed = torch.full_like(log_p, -torch.inf)
        closed[:, PADDING] = 0
        log_p = torch.where(done.unsqueeze(1), closed, log_p)
        sums = score.view(-1, 1) + log_p
        lengths = (size + (~done).float()).clamp_min(1).unsqueeze(1)
        ranked = (sums / lengths**penalty).view(count, -1)
        vocab = log_p.shape[-1]
        best = ranked.topk(beams, 1).indices
        parent = (first_row + best // vocab).flatten()
        token = (best % vocab).flatten()
        score = sums.view(count, -1).gather(1, best)
        size = lengths.flatten()[parent]
        tokens = torch.cat([tokens[parent], token.unsqueeze(1)], 1)
        done = done[parent] | (token == ends.end)
        written = written[parent]
        if place + 1 < ends.length:
            written[:, place + 1] = token
        if bool(done.all()):
            break
    final = (score / size.view(count, beams) ** penalty).argmax(1)
    return _filled(tokens[first_row.squeeze(1) + final], ends.length)


def _opened(rows: int, ends: Ends, like: Tensor) -> Tensor:
    written = torch.full((rows, ends.length), PADDING, dtype=torch.int64, device=like.device)
    written[:, 0] = ends.begin
    return written


def _filled(tokens: Tensor, length: int) -> Tensor:
    return torch.nn.functional.pad(tokens, (0, length - tokens.shape[1]), value=PADDING)
