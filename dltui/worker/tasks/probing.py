"""How good features are, judged by what simple classifiers make of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_DECAY = 1e-3  # on standardised features; keeps the probe defined where classes are separable


class Probes:
    """A vote of nearest neighbours and a linear classifier over features `(N, D)` of classes
    `(N,)`."""

    def __init__(self, features: Tensor, classes: Tensor, count: int, neighbours: int):
        self._mean = features.mean(0)
        self._std = features.std(0).clamp(min=1e-6)
        self._bank = functional.normalize(features, dim=1)
        self._classes, self._count = classes, count
        self._neighbours = min(neighbours, len(features))
        self._linear = _linear_probe(self._standardised(features), classes, count)

    def nearest(self, features: Tensor) -> Tensor:
        """The class `(M,)` that the most alike (cosine) training examples vote for."""
        alike = functional.normalize(features, dim=1) @ self._bank.T
        weights, chosen = alike.topk(self._neighbours, dim=1)
        votes = torch.zeros(len(features), self._count, device=features.device)
        votes.scatter_add_(1, self._classes[chosen], weights.clamp(min=0) + 1e-6)
        return votes.argmax(1)

    def linear(self, features: Tensor) -> Tensor:
        """The class `(M,)` that the linear classifier says."""
        return (self._with_one(self._standardised(features)) @ self._linear).argmax(1)

    def _standardised(self, features: Tensor) -> Tensor:
        return (features - self._mean) / self._std

    @staticmethod
    def _with_one(features: Tensor) -> Tensor:
        return torch.cat((features, torch.ones_like(features[:, :1])), dim=1)


def _linear_probe(features: Tensor, classes: Tensor, count: int) -> Tensor:
    """Weights `(D + 1, classes)` of multinomial logistic regression, by L-BFGS."""
    inputs = Probes._with_one(features)
    with torch.enable_grad():
        weights = torch.zeros(inputs.shape[1], count, device=features.device, requires_grad=True)
        optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = functional.cross_entropy(inputs @ weights, classes)
            value = value + _DECAY * weights.square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()
