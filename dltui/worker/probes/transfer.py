"""From the device to the host without making the training wait.

On CUDA a result is copied into one of a few pinned buffers and handed on once its event is done.
Where all buffers are still on their way the newest result is dropped. Elsewhere results are handed
on at once (MPS has no asynchronous way; the copy waits for the device).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

Arrays = dict[str, np.ndarray[Any, Any]]
SLOTS = 4
_event: Callable[..., Any] = torch.cuda.Event


@dataclass(slots=True)
class _Slot:
    buffers: dict[str, Tensor] = field(default_factory=dict)
    done: Any = None
    timings: list[tuple[Any, Any]] = field(default_factory=list)
    emit: Callable[[Arrays], None] | None = None
    settle: Callable[[float], None] | None = None


class DeviceTimer:
    """Device time of marked sections, without waiting for it. Does nothing off CUDA."""

    __slots__ = ("_cuda", "_start", "sections")

    def __init__(self, device: torch.device):
        self._cuda = device.type == "cuda"
        self._start: Any = None
        self.sections: list[tuple[Any, Any]] = []

    def start(self) -> None:
        if self._cuda:
            self._start = _event(enable_timing=True)
            self._start.record()

    def stop(self) -> None:
        if self._cuda:
            end = _event(enable_timing=True)
            end.record()
            self.sections.append((self._start, end))

    def take(self) -> list[tuple[Any, Any]]:
        """The sections since the last call."""
        sections, self.sections = self.sections, []
        return sections


class Transfer:
    """Hands device tensors to `emit` callbacks as numpy arrays, in order."""

    __slots__ = ("_cuda", "_free", "dropped", "pending")

    def __init__(self, device: torch.device):
        self._cuda = device.type == "cuda"
        self._free = [_Slot() for _ in range(SLOTS)]
        self.pending: deque[_Slot] = deque()
        self.dropped = 0
        """Results that found no free buffer."""

    def submit(
        self,
        tensors: Mapping[str, Tensor],
        emit: Callable[[Arrays], None],
        timings: list[tuple[Any, Any]],
        settle: Callable[[float], None],
    ) -> None:
        """Calls `emit` with the arrays, and `settle` with the device seconds of `timings`."""
        if not self._cuda:
            emit({name: tensor.cpu().numpy() for name, tensor in tensors.items()})
            return
        if not self._free:
            self.dropped += 1
            return
        slot = self._free.pop()
        for name, tensor in tensors.items():
            buffer = slot.buffers.get(name)
            if buffer is None or buffer.shape != tensor.shape or buffer.dtype != tensor.dtype:
                buffer = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                slot.buffers[name] = buffer
            buffer.copy_(tensor, non_blocking=True)
        for name in slot.buffers.keys() - tensors.keys():
            del slot.buffers[name]
        slot.done = _event()
        slot.done.record()
        slot.timings, slot.emit, slot.settle = timings, emit, settle
        self.pending.append(slot)

    def poll(self) -> None:
        """Hands on what has arrived."""
        while self.pending and self.pending[0].done.query():
            self._hand_on(self.pending.popleft())

    def flush(self) -> None:
        """Waits for everything on its way and hands it on."""
        while self.pending:
            slot = self.pending.popleft()
            slot.done.synchronize()
            self._hand_on(slot)

    def _hand_on(self, slot: _Slot) -> None:
        arrays = {name: buffer.numpy().copy() for name, buffer in slot.buffers.items()}
        emit, settle = slot.emit, slot.settle
        device_s = sum(start.elapsed_time(end) for start, end in slot.timings) / 1000
        slot.emit = slot.settle = slot.done = None
        slot.timings = []
        self._free.append(slot)
        if settle is not None:
            settle(device_s)
        if emit is not None:
            emit(arrays)
