"""Step values that are read when they are there, so that the loop never waits for a GPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_SLOTS = 64


@dataclass(frozen=True, slots=True)
class _Pending:
    step: int
    time: float
    lr: float
    slot: int
    ready: Any


Row = Callable[[int, float, float, Sequence[float]], None]
"""Called with step, unix time, learning rate and the values, in order of the steps."""


class LateValues:
    """0-dimensional device tensors of each step → numbers.

    On a CUDA device they are copied to pinned memory behind the step and read once their event
    is done, a few steps later; on other devices at once.
    """

    def __init__(self, device: torch.device, width: int, row: Row):
        self._row = row
        self._is_cuda = device.type == "cuda"
        self._queue: deque[_Pending] = deque()
        self._slot = 0
        if self._is_cuda:
            self._ring = torch.empty(_SLOTS, width, dtype=torch.float32, pin_memory=True)

    def push(self, step: int, time: float, lr: float, values: list[Tensor]) -> None:
        """Hand over the values of a step; rows that are ready are reported."""
        if not self._is_cuda:
            self._row(step, time, lr, [value.item() for value in values])
            return
        if len(self._queue) == _SLOTS:
            self._report(self._queue.popleft())
        slot = self._slot = (self._slot + 1) % _SLOTS
        row = torch.stack([value.detach().float() for value in values])
        self._ring[slot, : len(values)].copy_(row, non_blocking=True)
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
        ready.record()
        self._queue.append(_Pending(step, time, lr, slot, ready))
        while self._queue and self._queue[0].ready.query():
            self._report(self._queue.popleft())

    def flush(self) -> None:
        """Report everything handed over so far, waiting for the device."""
        while self._queue:
            self._report(self._queue.popleft())

    def forget(self) -> None:
        """Drops what was handed over and not reported: the training has gone back before it."""
        self._queue.clear()

    def _report(self, pending: _Pending) -> None:
        pending.ready.synchronize()
        values = self._ring[pending.slot].tolist()
        self._row(pending.step, pending.time, pending.lr, values)
