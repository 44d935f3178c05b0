"""Batches of one part of a data set, in an order that (seed, epoch) alone decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dltui.worker.data.examples import Examples, TensorExamples
from dltui.worker.data.prepare import Preparation
from dltui.worker.data.seeds import Dice, permutation, seed_of
from dltui.worker.data.tensors import Tensors, each, first

_READY_BYTES = 512 << 20
"""Up to this size inputs that need no augmentation are normalised once, not every epoch."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """One micro-batch on the device.

    `inputs` `(N, …)`, or several such by name; `targets` `(N,)` class numbers, `(N, L)` labels,
    `(N, T)` numbers, `(N, context)` tokens, or `(N, C)` class shares after mixup and cutmix.
    `indices` `(N,)` are the examples' numbers in their part.
    """

    inputs: Tensors
    targets: Tensor
    indices: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def split(self, size: int) -> Iterator[Batch]:
        """Batches of at most `size` examples, in order."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            inputs = each(self.inputs, lambda tensor, part=part: tensor[part])  # type: ignore[misc]
            yield Batch(inputs, self.targets[part], self.indices[part])


class Batches:
    """The batches of one part. `len()` is the batches an epoch, `size` the examples."""

    def __init__(
        self,
        examples: Examples,
        preparation: Preparation,
        *,
        part: str,
        batch_size: int,
        seed: int,
        device: torch.device,
        shuffle: bool,
        on_device: bool,
        workers: int = 0,
        say: Say | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        """`share` `(rank, size)`: of every batch this process gets one of `size` equal parts."""
        self.part = part
        self.size = len(examples)
        self.batch_size = batch_size
        self.device = device
        self._share = share
        self._shuffle = shuffle
        self._seed = seed
        self._source: _Resident | _Loaded
        kept = examples.to(device) if on_device else None
        if kept is None:
            task = _FetchBatch(examples, preparation)
            self._source = _Loaded(task, preparation.to(device), device, workers, say)
        else:
            self._source = _Resident(kept, preparation.to(device), device)

    def __len__(self) -> int:
        whole, rest = divmod(self.size, self.batch_size)
        return whole + (1 if self._keeps(rest // self._share[1], whole) else 0)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from batch number `start` on.

        The batches are the same, to the last bit, whichever `start` they are reached from and
        however many loader processes read them.
        """
        return self._source.batches(self._plan(epoch, start))

    def close(self) -> None:
        """Ends the loader processes."""
        self._source.close()

    def _plan(self, epoch: int, start: int) -> list[_Ticket]:
        if self._shuffle:
            order = permutation(self.size, seed_of(self._seed, self.part, epoch))
        else:
            order = torch.arange(self.size)
        if isinstance(self._source, _Resident):
            order = order.to(self.device)
        epoch_seed = seed_of(self._seed, self.part, epoch) if self._shuffle else None
        pieces = torch.split(order, self.batch_size)[: len(self)]
        return [
            _Ticket(self._shared(piece), epoch_seed, number)
            for number, piece in enumerate(pieces)
            if number >= start
        ]

    def _shared(self, piece: Tensor) -> Tensor:
        rank, size = self._share
        part = len(piece) // size
        return piece if size == 1 else piece[rank * part : (rank + 1) * part]

    def _keeps(self, rest: int, whole: int) -> bool:
        # Batch norm cannot train on one example; the shuffle leaves out another one each epoch.
        return rest > 1 or (rest == 1 and not (self._shuffle and whole))


@dataclass(frozen=True, slots=True)
class _Ticket:
    """One batch to make."""

    indices: Tensor
    epoch_seed: int | None
    number: int

    def dice(self, device: torch.device) -> Dice:
        return Dice(seed_of(self.epoch_seed or 0, "augment", self.number), device)


class _Resident:
    """Examples that live in the device's memory: a batch costs an index and the augmentation."""

    def __init__(self, examples: Examples, preparation: Preparation, device: torch.device) -> None:
        self._preparation = preparation
        self._device = device
        self._ready = False
        if not preparation.augment and isinstance(examples, TensorExamples):
            main = first(examples.inputs)
            floats = main.numel() * 4
            if main.dtype == torch.float32 or floats <= _READY_BYTES:
                inputs = preparation.finished(examples.inputs, augmented=False)
                inputs = each(inputs, Tensor.contiguous)
                examples = TensorExamples(inputs, examples.targets)
                self._ready = True
        self._examples = examples

    def batches(self, tickets: list[_Ticket]) -> Iterator[Batch]:
        if self._ready and isinstance(self._examples, TensorExamples):
            inputs, targets = self._examples.inputs, self._examples.targets
            for ticket in tickets:
                rows = ticket.indices
                chosen = (
                    inputs.index_select(0, rows)
                    if isinstance(inputs, Tensor)
                    else {name: tensor.index_select(0, rows) for name, tensor in inputs.items()}
                )
                yield Batch(chosen, targets.index_select(0, rows), rows)
            return
        for ticket in tickets:
            yield self._batch(ticket)

    def close(self) -> None:
        """Nothing to end."""

    def _batch(self, ticket: _Ticket) -> Batch:
        raw = self._examples.fetch(ticket.indices, ticket.epoch_seed)
        inputs, targets = raw.inputs, raw.targets
        augment = bool(self._preparation.augment)
        if augment:
            dice = ticket.dice(self._device)
            inputs, targets = self._preparation.augmented(inputs, targets, dice)
        inputs = self._preparation.finished(inputs, augmented=augment)
        return Batch(inputs, targets, ticket.indices)


@dataclass(frozen=True, slots=True)
class _Fetched:
    inputs: Tensors
    targets: Tensor
    indices: Tensor
    broken: tuple[str, ...]


class _FetchBatch(Dataset[Any]):
    """Reads and augments one batch on the CPU, in the trainer or in a loader process."""

    def __init__(self, examples: Examples, preparation: Preparation) -> None:
        self._examples = examples
        self._preparation = preparation

    def __getitem__(self, ticket: _Ticket) -> _Fetched:
        raw = self._examples.fetch(ticket.indices, ticket.epoch_seed)
        inputs, targets, indices = raw.inputs, raw.targets, ticket.indices
        if raw.kept is not None:
            kept = raw.kept
            inputs = each(inputs, lambda tensor: tensor[kept])
            targets, indices = targets[kept], indices[kept]
        if self._preparation.augment and len(indices):
            dice = ticket.dice(torch.device("cpu"))
            inputs, targets = self._preparation.augmented(inputs, targets, dice)
        return _Fetched(inputs, targets, indices, raw.broken)


class _Plan:
    """The sampler of the loader: the tickets of the epoch that is asked for next."""

    def __init__(self) -> None:
        self.tickets: list[_Ticket] = []

    def __iter__(self) -> Iterator[_Ticket]:
        return iter(self.tickets)

    def __len__(self) -> int:
        return len(self.tickets)


class _Loaded:
    """Examples that are read batch by batch, in `workers` processes if there are any."""

    def __init__(
        self,
        task: _FetchBatch,
        preparation: Preparation,
        device: torch.device,
        workers: int,
        say: Say | None,
    ) -> None:
        self._preparation = preparation
        self._device = device
        self._say = say
        self._named: set[str] = set()
        self._plan = _Plan()
        self._pinned = device.type == "cuda"
        self._loader: DataLoader[Any] | None = DataLoader(
            task,
            batch_size=None,
            sampler=self._plan,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self._pinned,
            # Of its own, or starting an epoch would draw from the global generator.
            generator=torch.Generator().manual_seed(0),
        )

    def batches(self, tickets: list[_Ticket]) -> Iterator[Batch]:
        if self._loader is None:
            raise RuntimeError("these batches are closed")
        self._plan.tickets = tickets
        augmented = bool(self._preparation.augment)
        for fetched in self._loader:
            self._name(fetched.broken)
            if not len(fetched.indices):
                continue
            inputs = each(
                fetched.inputs,
                lambda tensor: tensor.to(self._device, non_blocking=self._pinned),
            )
            yield Batch(
                self._preparation.finished(inputs, augmented=augmented),
                fetched.targets.to(self._device, non_blocking=self._pinned),
                fetched.indices.to(self._device, non_blocking=self._pinned),
            )

    def close(self) -> None:
        self._loader = None

    def _name(self, broken: tuple[str, ...]) -> None:
        for name in broken:
            if name not in self._named and self._say is not None:
                self._say(f"skipped the broken image {name}")
            self._named.add(name)
