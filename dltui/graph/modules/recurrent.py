"""RNN, LSTM and GRU over sequences of equal or unequal length."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Recurrent(nn.Module):
    """`nn.RNN`, `nn.LSTM` or `nn.GRU` with one tensor out, from `(N, T, D)`.

    - `sequence`: the top layer at every step, `(N, T, H)`; H doubles where it is bidirectional.
    - `last`: the top layer after its last step, `(N, H)`; the backward half after its own, at
      t = 0.
    - `state`: the final state of every layer and direction, `(N, layers · directions, hidden)`,
      twice as wide for an LSTM (h, c), as `initial` takes it.

    `inputs` names what comes after the sequence, in this order: `lengths`, `(N,)` numbers of
    steps; or `mask`, `(N, T)`, true at the steps before the padding; `initial`, a state. With
    lengths or a mask the sequences are packed: padding is never read, the last step is each
    one's own, and the output after it is 0. Each has at least one step.
    """

    def __init__(
        self,
        network: nn.RNNBase,
        returns: Literal["sequence", "last", "state"],
        inputs: tuple[str, ...],
    ):
        super().__init__()
        self.network = network
        self.returns = returns
        self.inputs = inputs

    def forward(self, x: Tensor, *named: Tensor) -> Tensor:
        given = dict(zip(self.inputs, named, strict=True))
        lengths = _lengths(given)
        initial = self._unpacked_state(given["initial"]) if "initial" in given else None
        # A meta tensor has shapes alone, which packing does not change.
        if lengths is None or x.is_meta:
            sequence, state = self.network(x, initial)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), True, enforce_sorted=False)
            packed, state = self.network(packed, initial)
            sequence, _ = pad_packed_sequence(packed, True, total_length=x.shape[1])
        if self.returns == "sequence":
            steps: Tensor = sequence
            return steps
        parts: tuple[Tensor, ...] = state if isinstance(state, tuple) else (state,)
        if self.returns == "state":
            return torch.cat([part.transpose(0, 1) for part in parts], dim=-1)
        directions = 2 if self.network.bidirectional else 1
        return parts[0][-directions:].transpose(0, 1).flatten(1)

    def _unpacked_state(self, state: Tensor) -> Tensor | tuple[Tensor, ...]:
        """`(N, layers · directions, …)` as torch takes it."""
        first = state.transpose(0, 1)
        if not isinstance(self.network, nn.LSTM):
            return first.contiguous()
        return tuple(part.contiguous() for part in first.chunk(2, dim=-1))


def _lengths(given: dict[str, Tensor]) -> Tensor | None:
    if "lengths" in given:
        return given["lengths"].reshape(-1).clamp(min=1)
    return given["mask"].bool().sum(dim=1).clamp(min=1) if "mask" in given else None
