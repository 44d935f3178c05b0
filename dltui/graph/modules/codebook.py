"""Vector quantisation: a codebook whose vectors stand for all others."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class VectorQuantize(nn.Module):
    """Replaces each vector along `axis` by the nearest of `codes` learned ones; keeps the shape.

    Backwards the gradient passes straight through, as if nothing had been replaced. While training,
    `auxiliary_loss` holds `‖sg[z] − e‖² + commitment · ‖z − sg[e]‖²`, a mean over all numbers; sg
    stops the gradient (van den Oord et al. 2017, equation 3, https://arxiv.org/abs/1711.00937):
    codes move to the vectors that they stand for, and vectors stay near their code. The loop adds
    it to the loss.

    The first training batch gives the codebook, as k-means begins with points of the data. Later a
    code that no vector chose in `_PATIENCE` batches moves to a vector of the batch at hand: left
    alone, it would stay unused for ever.
    """

    unused: Tensor
    """Training batches since each code was last chosen, `(codes,)` int64."""
    _PATIENCE = 50

    def __init__(self, codes: int, width: int, commitment: float, axis: int):
        super().__init__()
        self.commitment, self.axis = commitment, axis
        self.weight = nn.Parameter(torch.empty(codes, width).uniform_(-1 / codes, 1 / codes))
        self.register_buffer("unused", torch.full((codes,), self._PATIENCE, dtype=torch.int64))
        self.auxiliary_loss: Tensor | None = None
        self.chosen: Tensor | None = None
        """Numbers of the codes that the last batch was given, `(N, …)` without `axis`."""

    def forward(self, x: Tensor) -> Tensor:
        vectors = x.movedim(self.axis, -1)
        flat = vectors.reshape(-1, vectors.shape[-1]).float()
        if self.training:
            self._revive(flat.detach())
        chosen = self._nearest(flat.detach())
        if self.training:
            self.unused.add_(1)
            self.unused[chosen] = 0
        picked = functional.embedding(chosen, self.weight).float()
        if self.training:
            codebook = functional.mse_loss(picked, flat.detach())
            held = functional.mse_loss(flat, picked.detach())
            self.auxiliary_loss = codebook + self.commitment * held
        self.chosen = chosen.reshape(vectors.shape[:-1])
        straight = flat + (picked - flat).detach()
        return straight.to(x.dtype).reshape(vectors.shape).movedim(-1, self.axis)

    def _nearest(self, flat: Tensor) -> Tensor:
        """The code of least Euclidean distance for each of `(M, D)`, `(M,)`."""
        codes = self.weight.detach().float()
        distances = codes.square().sum(1) - 2 * flat @ codes.T
        return distances.argmin(1)

    @torch.no_grad()
    def _revive(self, flat: Tensor) -> None:
        """Puts vectors of the batch in the place of codes that nothing is near."""
        rows = torch.randint(len(flat), (len(self.weight),), device=flat.device)
        is_dead = (self.unused >= self._PATIENCE)[:, None]
        self.weight.copy_(torch.where(is_dead, flat[rows].to(self.weight.dtype), self.weight))
        self.unused.masked_fill_(is_dead[:, 0], 0)

    def extra_repr(self) -> str:
        codes, width = self.weight.shape
        return f"codes={codes}, width={width}, commitment={self.commitment}"
