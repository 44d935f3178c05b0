"""One thread per open run: reads the store, posts snapshots, and is quiet where nothing happens."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.message_pump import MessagePump

from dltui.runs.clean import printable
from dltui.ui.snapshot import Snapshot, Wanted

if TYPE_CHECKING:
    from dltui.ui.recording import Recording

LOCAL_FRAMES_PER_S = 2.25
"""A point waits at most 0.44 s; measured, each frame of a busy dashboard costs 20 ms of CPU."""
REMOTE_FRAMES_PER_S = 2.0
ENDED_POLL_S = 2.0
_BUSY_SHARE = 0.25


@dataclass
class SnapshotRead(Message):
    """The run has changed; the newest snapshot replaces those not handled yet."""

    feed: RunFeed
    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotRead) and message.feed is self.feed


def frames_per_s(environment: Mapping[str, str] = os.environ) -> float:
    """`DLTUI_FPS` if set (0.2 to 30), else fewer over SSH than locally."""
    try:
        chosen = float(environment.get("DLTUI_FPS", ""))
    except ValueError:
        remote = bool(environment.get("SSH_CONNECTION"))
        return REMOTE_FRAMES_PER_S if remote else LOCAL_FRAMES_PER_S
    return min(max(chosen, 0.2), 30.0)


class RunFeed:
    """Reads one run in a thread and posts `SnapshotRead` to `target` whenever something changed.

    The next snapshot waits until the one before was `taken`, so that a slow terminal gets fewer
    frames and never a queue of them.
    """

    def __init__(self, path: Path, target: MessagePump, *, fps: float | None = None) -> None:
        self.path = path
        self.wanted = Wanted()
        self.polls = 0
        """How often the folder was looked at."""
        self._target = target
        self._pause_s = 1 / (fps or frames_per_s())
        self._wake = threading.Event()
        self._taken = threading.Event()
        self._taken.set()
        self._stopped = False
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"feed {path.name}", daemon=True)

    def start(self) -> None:
        """Starts reading."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; it may still finish the read it is in."""
        self._stopped = True
        self._taken.set()
        self._wake.set()

    def want(self, **changes: Any) -> None:
        """Changes what the panes look at, and reads at once."""
        self.wanted = replace(self.wanted, **changes)
        self._wake.set()

    def taken(self) -> None:
        """The screen has shown the last snapshot."""
        self._taken.set()

    def _run(self) -> None:
        # numpy is imported here, so that the first frame does not wait for it.
        from dltui.ui.recording import Recording

        recording = Recording(self.path)
        while not self._stopped:
            try:
                busy_s, ended = self._read_once(recording)
            # A fault of ours ends the thread unseen; shown, the person can report it.
            except Exception as error:  # noqa: BLE001
                self._show_fault(recording.snapshot, error)
                busy_s, ended = 0.0, True
            self._wake.wait(self._pause(busy_s, ended))
            self._wake.clear()

    def _show_fault(self, newest: Snapshot | None, error: Exception) -> None:
        former = newest or Snapshot(self.path, self.path.name, "queued")
        where = traceback.extract_tb(error.__traceback__)[-1]
        trouble = (
            f"this stands still, please report it: reading the run raised {type(error).__name__}: "
            f"{printable(str(error))} ({Path(where.filename).name}:{where.lineno})"
        )
        if trouble != self._fault and not self._stopped:
            self._fault = trouble
            self._target.post_message(SnapshotRead(self, replace(former, trouble=trouble)))

    def _read_once(self, recording: Recording) -> tuple[float, bool]:
        start = time.perf_counter()
        self.polls += 1
        snapshot = recording.read(self.wanted)
        busy_s = time.perf_counter() - start
        if self._fault is not None:
            self._fault, snapshot = None, snapshot or recording.snapshot
        if snapshot is not None and not self._stopped:
            self._taken.wait()
            self._taken.clear()
            if not self._stopped:
                self._target.post_message(SnapshotRead(self, snapshot))
        newest = recording.snapshot
        return busy_s, newest is not None and (not newest.live or newest.trouble is not None)

    def _pause(self, busy_s: float, ended: bool) -> float:
        usual = ENDED_POLL_S if ended else self._pause_s
        return max(usual, busy_s / _BUSY_SHARE) if not self._stopped else 0.0
