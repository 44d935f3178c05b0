"""One object over everything that a run has recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dltui.errors import StoreError
from dltui.runs.array_reader import ArrayReader
from dltui.runs.clean import printable
from dltui.runs.events import Event, EventReader
from dltui.runs.layout import RunFolder
from dltui.runs.living import effective_state
from dltui.runs.metric_reader import MetricReader, Points, RowFollower
from dltui.runs.samples import read_samples, sample_folders
from dltui.runs.stamps import Stamp, change_stamp
from dltui.runs.status import RunState, Status, read_status

_METRIC_FILE = re.compile(r"(.+)\.rank0\.log")
_SEGMENT_FILE = re.compile(r".+\.rank\d+\.\d+\.log")
_ARRAY_FILE = re.compile(r"(.+)\.log")


class RunReader:
    """Reads a run while it is written; never writes. Not for use by two threads at once.

    What cannot be read is listed in `problems` and left out; the rest is still shown.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        most_rows: int | None = None,
        follow: Callable[[str], RowFollower] | None = None,
    ):
        """`most_rows` of each metric log are held, as MetricReader says; all of them by default.

        `follow` makes, for the group it is given, who is to see every row.
        """
        self.folder = folder
        self._most_rows = most_rows
        self._follow = follow
        self.problems: dict[str, str] = {}
        """What could not be read and why, by file name."""
        self._status = Status()
        self._status_key: Stamp | None = None
        self._metrics: dict[str, MetricReader] = {}
        self._arrays: dict[str, ArrayReader] = {}
        self._events = EventReader(folder.events)

    @property
    def status(self) -> Status:
        """The status as last polled; its state is what the worker wrote."""
        return self._status

    @property
    def state(self) -> RunState:
        """The state as a person should see it, `died` included. Looks at the worker now."""
        return effective_state(self.folder.path, self._status)

    @property
    def events(self) -> list[Event]:
        """All events so far, oldest first."""
        return self._events.events

    @property
    def damaged(self) -> int:
        """Records and lines that were left out because they are damaged."""
        return self._events.damaged + sum(reader.damaged for reader in self._metrics.values())

    @property
    def revision(self) -> int:
        """Grows whenever points that were there before have gone, as after a resume."""
        return sum(reader.revision for reader in self._metrics.values()) + sum(
            reader.revision for reader in self._arrays.values()
        )

    def poll(self) -> bool:
        """Reads what is new; True if anything changed.

        Raises StoreError only where the run has no readable status.
        """
        changed = self._poll_status()
        for group in _groups(self.folder.metrics, _METRIC_FILE, _SEGMENT_FILE):
            if group not in self._metrics:
                self._metrics[group] = MetricReader(
                    self.folder.metric_log(group),
                    most_rows=self._most_rows,
                    follower=self._follow(group) if self._follow is not None else None,
                )
        for group in _groups(self.folder.arrays, _ARRAY_FILE):
            if group not in self._arrays:
                self._arrays[group] = ArrayReader(self.folder.array_log(group))
        readers: list[MetricReader | ArrayReader | EventReader] = [self._events]
        readers += self._metrics.values()
        readers += self._arrays.values()
        for reader in readers:
            changed = self._poll_one(reader) or changed
        return changed

    def metric_names(self) -> list[str]:
        """`group/column` of every column with at least one point."""
        return [
            f"{printable(group)}/{column}"
            for group, reader in sorted(self._metrics.items())
            for column in reader.columns
            if len(reader.points(column))
        ]

    def metric(self, name: str) -> Points:
        """The points of `train/loss`; none where nothing was recorded under that name."""
        group, _, column = name.partition("/")
        reader = self._metrics.get(group)
        if reader is None or column not in reader.columns:
            empty = np.empty(0)
            return Points(np.empty(0, np.int64), empty, empty)
        return reader.points(column)

    def metric_reader(self, group: str) -> MetricReader | None:
        """The whole table of a group (`train`, `val`, `system`), None if there is none."""
        return self._metrics.get(group)

    def arrays(self, group: str) -> ArrayReader | None:
        """The frames of a group (`layers`, `histograms`, …), None if there are none."""
        return self._arrays.get(group)

    def array_groups(self) -> list[str]:
        """Names of the groups with arrays."""
        return sorted(self._arrays)

    def samples(self, kind: str) -> dict[str, Any] | None:
        """The newest samples of a kind (`text`, `examples`), None if there are none."""
        folders = sample_folders(self.folder.samples, kind)
        return read_samples(folders[-1], kind) if folders else None

    def sample_folders(self, kind: str) -> list[Path]:
        """Folders of all kept samples of a kind, oldest first."""
        return sample_folders(self.folder.samples, kind)

    def _poll_status(self) -> bool:
        try:
            found = os.stat(self.folder.status_path)
        except OSError as error:
            raise StoreError(
                f"the run is gone: {error.strerror}", where=str(self.folder.path)
            ) from error
        key = change_stamp(found)
        if key == self._status_key:
            return False
        is_first = self._status_key is None
        former, self._status = self._status, read_status(self.folder.path)
        self._status_key = key
        return is_first or self._status != former

    def _poll_one(self, reader: MetricReader | ArrayReader | EventReader) -> bool:
        name = reader.path.name
        try:
            changed = reader.poll()
        except StoreError as error:
            is_new = self.problems.get(name) != error.message
            self.problems[name] = error.message
            return is_new
        self.problems.pop(name, None)
        return changed


def _groups(
    folder: Path, pattern: re.Pattern[str], other: re.Pattern[str] | None = None
) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    matches = (
        pattern.fullmatch(name) for name in names if other is None or not other.fullmatch(name)
    )
    return [match[1] for match in matches if match]
