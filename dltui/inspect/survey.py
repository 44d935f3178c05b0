"""Statistics of all tensors of a checkpoint, on several cores.

numpy lets go of the interpreter in everything but the counting, so threads do: one reads and
measures while another counts. Large tensors are shared out in pieces, so that a single one keeps
all threads busy as well.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from dltui.errors import CheckpointError
from dltui.inspect.contents import BITS, Checkpoint, Extent, Plain, Tensor
from dltui.inspect.statistics import Cancelled, Statistics, blocks, described
from dltui.inspect.totals import Total
from dltui.inspect.values import Values

MOST_THREADS = 3
"""The counting holds the interpreter for a third of the time: more would only wait for it."""
PIECE_BYTES = 1 << 25

OnBytes = Callable[[int, int], None]
"""Is told bytes of tensors looked at so far, and bytes of all."""


def survey(
    checkpoint: Checkpoint,
    tensors: Iterable[Tensor] | None = None,
    threads: int | None = None,
    on_progress: OnBytes | None = None,
    cancelled: Cancelled | None = None,
) -> Iterator[tuple[Tensor, Statistics | CheckpointError]]:
    """Each tensor (by default all that have values) with its statistics, as they are ready, or with
    the error that its values could not be read for.

    Stops early if `cancelled` says so in between, or if the caller takes no more: the statistics
    of each tensor that was yielded are complete.
    """
    chosen = checkpoint.tensors if tensors is None else tensors
    wanted = [tensor for tensor in chosen if tensor.place is not None]
    work = _Work(checkpoint, wanted, cancelled)
    count = min(threads or min(_cores(), MOST_THREADS), len(wanted) + 1)
    workers = [threading.Thread(target=work.run, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    done = 0
    all_bytes = sum(tensor.size_bytes for tensor in wanted)
    try:
        running = len(workers)
        while running:
            found = work.results.get()
            if isinstance(found, _Open):
                yield found.total.tensor, found.error or described(found.total)
            elif isinstance(found, BaseException):
                raise found
            elif found is None:
                running -= 1
            elif on_progress is not None:
                done += found
                on_progress(done, all_bytes)
    finally:
        work.stopped.set()
        for worker in workers:
            worker.join()


def _cores() -> int:
    """Those that this process may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Open:
    """A tensor of which some pieces are still being read."""

    total: Total
    pieces: int
    error: CheckpointError | None = None


class _Work:
    """What the threads share: the pieces that are left, and the totals that are not complete."""

    def __init__(self, checkpoint: Checkpoint, tensors: list[Tensor], cancelled: Cancelled | None):
        self.results: queue.SimpleQueue[_Open | int | BaseException | None] = queue.SimpleQueue()
        """Tensors that are done, bytes of a piece that is, a failure, None for a thread's end."""
        self.stopped = threading.Event()
        self._checkpoint = checkpoint
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._open: dict[int, _Open] = {}
        self._left = self._shared_out(tensors)

    def run(self) -> None:
        """One thread's work: piece after piece until none is left."""
        try:
            with Values(self._checkpoint) as values:
                while (piece := self._next()) is not None:
                    self._measure(values, *piece)
        except Exception as error:  # noqa: BLE001  it is raised where the results are taken
            self.stopped.set()
            self.results.put(error)
        self.results.put(None)

    def _shared_out(self, tensors: list[Tensor]) -> Iterator[tuple[int, Tensor]]:
        """Pieces of tensors, each with the number of the tensor that it belongs to."""
        with Values(self._checkpoint) as values:
            for number, tensor in enumerate(tensors):
                pieces = _pieces(tensor, values.contiguous(tensor))
                self._open[number] = _Open(Total(tensor), len(pieces))
                yield from ((number, piece) for piece in pieces)

    def _next(self) -> tuple[int, Tensor] | None:
        with self._lock:
            return None if self._is_over() else next(self._left, None)

    def _is_over(self) -> bool:
        return self.stopped.is_set() or (self._cancelled is not None and self._cancelled())

    def _measure(self, values: Values, number: int, piece: Tensor) -> None:
        part = Total(self._open[number].total.tensor)
        error: CheckpointError | None = None
        try:
            for block in blocks(values, piece):
                part.add(block)
                if self._is_over():
                    return
        except CheckpointError as unreadable:
            error = unreadable
        self.results.put(piece.size_bytes)
        with self._lock:
            whole = self._open[number]
            whole.error = whole.error or error
            whole.total.merge(part)
            whole.pieces -= 1
            if whole.pieces:
                return
            del self._open[number]
        self.results.put(whole)


def _pieces(tensor: Tensor, extent: Extent | None) -> list[Tensor]:
    """A large tensor as flat tensors of `PIECE_BYTES`, where its elements stand together."""
    if extent is None or extent.size <= PIECE_BYTES:
        return [tensor]
    item_bytes = BITS[tensor.dtype] // 8
    big_endian = getattr(tensor.place, "big_endian", False)
    found = []
    for begin in range(0, extent.size, PIECE_BYTES):
        size = min(PIECE_BYTES, extent.size - begin)
        place = Plain(Extent(extent.file, extent.offset + begin, size), big_endian)
        found.append(replace(tensor, shape=(size // item_bytes,), size_bytes=size, place=place))
    return found
