"""Examples of one part as they are stored: before augmentation and normalisation."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dltui.worker.data.seeds import seed_of
from dltui.worker.data.tensors import Tensors, each, size_bytes


class Raw(NamedTuple):
    """Examples as stored. `kept` (bool) is None where every example could be read."""

    inputs: Tensors
    targets: Tensor
    kept: Tensor | None = None
    broken: tuple[str, ...] = ()
    """Names of the files that could not be read."""


class Examples(Protocol):
    """The examples of a part, found by number."""

    def __len__(self) -> int: ...

    @property
    def targets(self) -> Tensor | None:
        """All targets where they are known without reading the inputs."""

    def take(self, indices: Tensor) -> Examples:
        """The examples of these numbers, in this order, as a part of their own."""

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        """Read examples. `epoch_seed` varies what an example is from epoch to epoch, or is None."""

    def to(self, device: torch.device) -> Examples | None:
        """These examples in the device's memory, or None where they cannot be kept there."""

    @property
    def size_bytes(self) -> int:
        """Memory that the examples take."""


class TensorExamples:
    """Examples held as tensors: `inputs` `(N, …)`, one or several by name; `targets` `(N, …)`."""

    def __init__(self, inputs: Tensors, targets: Tensor) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Tensor) -> TensorExamples:
        inputs = each(self.inputs, lambda tensor: tensor[indices])
        return TensorExamples(inputs, self.targets[indices])

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        inputs = each(self.inputs, lambda tensor: tensor.index_select(0, indices))
        return Raw(inputs, self.targets.index_select(0, indices))

    def to(self, device: torch.device) -> TensorExamples:
        inputs = each(self.inputs, lambda tensor: tensor.to(device))
        return TensorExamples(inputs, self.targets.to(device))

    @property
    def size_bytes(self) -> int:
        return size_bytes(self.inputs) + self.targets.nbytes


class Windows:
    """A token sequence cut into windows of `context` tokens; targets are one token later.

    Window `i` starts at `i * context`. In training all windows start later by one random shift
    an epoch, so that no token is always the last of its window.
    """

    def __init__(self, tokens: Tensor, context: int, numbers: Tensor | None = None) -> None:
        self.tokens = tokens
        self.context = context
        self._numbers = numbers
        self._count = (len(tokens) - 1) // context if numbers is None else len(numbers)

    def __len__(self) -> int:
        return self._count

    @property
    def targets(self) -> Tensor | None:
        return None

    def take(self, indices: Tensor) -> Windows:
        numbers = indices if self._numbers is None else self._numbers[indices]
        return Windows(self.tokens, self.context, numbers)

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        numbers = indices if self._numbers is None else self._numbers[indices]
        starts = numbers * self.context
        if epoch_seed is not None:
            # Modulo the valid starts: a shifted window that would pass the end begins anew.
            shift = seed_of(epoch_seed, "shift") % self.context
            starts = (starts + shift) % (len(self.tokens) - self.context)
        rows = self.tokens.unfold(0, self.context + 1, 1)[starts].long()
        return Raw(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())

    def to(self, device: torch.device) -> Windows:
        numbers = None if self._numbers is None else self._numbers.to(device)
        return Windows(self.tokens.to(device), self.context, numbers)

    @property
    def size_bytes(self) -> int:
        return self.tokens.nbytes
