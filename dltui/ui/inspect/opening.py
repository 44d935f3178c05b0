"""A checkpoint opened by a thread, while Textual starts."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.errors import DltuiError
from dltui.inspect.contents import Checkpoint
from dltui.inspect.opening import open_checkpoint
from dltui.inspect.tree import Node, tree

if TYPE_CHECKING:
    from dltui.inspect.optimizer_state import OptimizerSlot
    from dltui.inspect.parts import Part
    from dltui.inspect.statistics import Statistics

Stamp = tuple[int, int, int]

PATIENCE_S = 5.0
"""A file that takes longer to open is waited for with the screen open."""
_LOOK_S = 0.01


class OpenedFile:
    """A checkpoint with its module tree, and how its files were when it was opened."""

    def __init__(self, path: Path):
        """Raises CheckpointError."""
        self.path = path
        self.checkpoint: Checkpoint = open_checkpoint(path)
        self.stamps = stamps(self.checkpoint.files)
        self.root: Node = tree(self.checkpoint)
        self.statistics: dict[str, Statistics] = {}
        """Of tensors whose values have all been looked at, by name."""

    @cached_property
    def unfolded_root(self) -> Node:
        """The tree with every block by itself."""
        return tree(self.checkpoint, folded=False)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What is the model, what an average of it, what an optimizer's state."""
        # Not needed for the first frame, as the optimizer's slots are not.
        from dltui.inspect.parts import parts

        return parts(self.checkpoint)

    @cached_property
    def _slots(self) -> dict[str, list[OptimizerSlot]]:
        from dltui.inspect.optimizer_state import optimizer_slots

        found: dict[str, list[OptimizerSlot]] = {}
        for slot in optimizer_slots(self.checkpoint):
            if slot.parameter is not None:
                found.setdefault(slot.parameter, []).append(slot)
        return found

    def slots_of(self, parameter: str) -> tuple[OptimizerSlot, ...]:
        """What the optimizer keeps for a parameter."""
        return tuple(self._slots.get(parameter, ()))

    @property
    def has_optimizer(self) -> bool:
        """Whether the file holds an optimizer's state."""
        return any(part.kind == "optimizer" for part in self.parts)

    def has_changed(self) -> bool:
        """Whether a file was written, replaced or removed since."""
        return stamps(self.checkpoint.files) != self.stamps

    @property
    def newest(self) -> Path:
        """What to open in place of this: of a run that went on and removed it, its newest one.

        Raises StoreError where the run cannot be read.
        """
        folder = self.path.parent
        if folder.name != "checkpoints" or self.path.exists():
            return self.path
        from dltui.runs.checkpoints import pointed

        return pointed(folder, "latest") or self.path

    @property
    def change_words(self) -> str:
        """What has happened to a file that `has_changed`, and what the key for opening does."""
        if self.path.exists():
            return "the file has changed on disk: r opens it again"
        if self.path.parent.name == "checkpoints":
            return "the run has gone on and removed this checkpoint: r opens its newest"
        return "the file is gone: its values can no longer be read"


def stamps(files: Sequence[Path]) -> tuple[Stamp | None, ...]:
    """Size, time of change and number of each file; None where it is gone."""
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


class Opening:
    """Opens `path` in a thread from now on."""

    def __init__(self, path: Path):
        self.path = path
        self._file: OpenedFile | None = None
        self._error: DltuiError | None = None
        self._thread = threading.Thread(target=self._open, name="open", daemon=True)
        self._thread.start()

    def head_start(self) -> None:
        """Lets it go ahead alone for as long as it computes: two threads that do are in each
        other's way. Returns when the file is open, and where it waits for a disk."""
        while self._thread.is_alive():
            begun_s = time.process_time()
            self._thread.join(_LOOK_S)
            if time.process_time() - begun_s < _LOOK_S / 2:
                return

    def result(self, timeout_s: float | None = None) -> OpenedFile | None:
        """The opened file; None if it takes longer. Raises CheckpointError where it is none."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return None
        if self._file is None:
            raise self._error or RuntimeError(f"{self.path} could not be opened")
        return self._file

    def _open(self) -> None:
        # Tens of thousands of records that all stay: the collector would look through them several
        # times while they are made, and once more before the first frame.
        gc.disable()
        try:
            self._file = OpenedFile(self.path)
        except DltuiError as error:
            self._error = error
        finally:
            gc.freeze()
            gc.enable()
