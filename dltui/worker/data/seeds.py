"""Seeds made from what they stand for, so that no generator has a state to save."""

from __future__ import annotations

import hashlib
import random

import torch


def seed_of(*parts: int | str) -> int:
    """A 63-bit seed for e.g. `(run seed, part, epoch, batch number)`, equal on every machine."""
    text = "/".join(map(str, parts)).encode()
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def permutation(size: int, seed: int) -> torch.Tensor:
    """A random order of `range(size)`, int64 `(size,)` on the CPU."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


class Dice:
    """The random numbers of one batch: decided by `seed` alone, never by the global generators."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed = seed
        self.device = device
        self.scalar = random.Random(seed)
        self._generator = torch.Generator(device).manual_seed(seed)

    def copy(self) -> Dice:
        """Dice that will give the same numbers as these will."""
        twin = Dice(self.seed, self.device)
        twin.scalar.setstate(self.scalar.getstate())
        twin._generator.set_state(self._generator.get_state())
        return twin

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Float32 numbers in `[low, high)` on the batch's device."""
        unit = torch.rand(shape, generator=self._generator, device=self.device)
        return unit * (high - low) + low

    def normal_like(self, tensor: torch.Tensor) -> torch.Tensor:
        """Standard normal numbers of the tensor's shape and type."""
        return torch.randn(
            tensor.shape, generator=self._generator, device=self.device, dtype=tensor.dtype
        )

    def integers(self, count: int, high: int) -> torch.Tensor:
        """`count` whole numbers in `[0, high)`."""
        return torch.randint(high, (count,), generator=self._generator, device=self.device)

    def permutation(self, count: int) -> torch.Tensor:
        """A random order of `range(count)`."""
        return torch.randperm(count, generator=self._generator, device=self.device)
