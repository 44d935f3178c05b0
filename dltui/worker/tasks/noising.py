"""How diffusion adds noise, and how it is taken away again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Denoise = Callable[[Tensor, int], Tensor]
"""From noisy examples `(N, …)` and their level of noise to the network's prediction."""

_LARGEST_BETA = 0.999
_COSINE_OFFSET = 0.008  # so that the first step adds more than a pixel's rounding


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of noise 0 to T − 1: x_t = signal[t] · x_0 + noise[t] · ε, both `(T,)` float32."""

    signal: Tensor
    noise: Tensor
    prediction: Literal["noise", "velocity"]

    @classmethod
    def of(
        cls,
        steps: int,
        schedule: Literal["linear", "cosine"],
        prediction: Literal["noise", "velocity"],
        device: torch.device,
    ) -> Levels:
        """Linear: Ho et al. 2020 (β from 1e-4 to 0.02 of 1000 steps, stretched to others).
        Cosine: Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672."""
        if schedule == "linear":
            scale = 1000 / steps
            betas = torch.linspace(1e-4 * scale, 0.02 * scale, steps, dtype=torch.float64)
        else:
            times = torch.arange(steps + 1, dtype=torch.float64) / steps
            angle = (times + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2
            left = angle.cos().square()
            betas = 1 - left[1:] / left[:-1]
        kept = (1 - betas.clamp(max=_LARGEST_BETA)).cumprod(0)
        signal, noise = kept.sqrt().float(), (1 - kept).sqrt().float()
        return cls(signal.to(device), noise.to(device), prediction)

    def noised(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """x_t of examples `(N, …)` at levels `(N,)`."""
        signal, strength = _column(self.signal[times], clean), _column(self.noise[times], clean)
        return signal * clean + strength * noise

    def target(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """What the network has to tell: ε, or v = signal · ε − noise · x_0."""
        if self.prediction == "noise":
            return noise
        signal, strength = _column(self.signal[times], clean), _column(self.noise[times], clean)
        return signal * noise - strength * clean

    def foreseen(self, noisy: Tensor, told: Tensor, time: int) -> Tensor:
        """The clean examples that a prediction means."""
        signal, strength = self.signal[time], self.noise[time]
        if self.prediction == "noise":
            return (noisy - strength * told) / signal
        return signal * noisy - strength * told

    def denoised(
        self,
        start: Tensor,
        denoise: Denoise,
        steps: int,
        *,
        eta: float = 0.0,
        bounds: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Examples from pure noise `start` `(N, …)`: DDIM (https://arxiv.org/abs/2010.02502).

        With `eta` 1 and all steps it is the sampler of DDPM. `bounds` keep the foreseen examples
        in the data's range. `generator` (CPU) draws the noise of the way.
        """
        x = start
        times = torch.linspace(len(self.signal) - 1, 0, steps).round().long().tolist()
        for time, after in zip(times, [*times[1:], None], strict=True):
            clean = self.foreseen(x, denoise(x, time), time)
            if bounds is not None:
                clean = clean.maximum(bounds[0]).minimum(bounds[1])
            if after is None:
                return clean
            noise = (x - self.signal[time] * clean) / self.noise[time]
            fresh = eta * self._fresh(time, after)
            x = self.signal[after] * clean + (self.noise[after] ** 2 - fresh**2).sqrt() * noise
            if eta:
                drawn = torch.randn(x.shape, generator=generator)
                x = x + fresh * drawn.to(x.device)
        return x

    def _fresh(self, time: int, after: int) -> Tensor:
        """σ of the noise that DDPM's posterior adds between two levels."""
        kept, kept_after = self.signal[time] ** 2, self.signal[after] ** 2
        return self.noise[after] / self.noise[time] * (1 - kept / kept_after).clamp(min=0).sqrt()


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.dim() - 1))
