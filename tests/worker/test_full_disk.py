"""A full disk costs checkpoints and status, never the training."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltui.runs import pointed, read_status
from dltui.worker import checkpoints, record
from dltui.worker.checkpoints import read_checkpoint
from tests.worker.conftest import DIGITS, MakeRun, train
from tests.worker.test_training import events


def full_between(first: int, last: int, calls: list[int]) -> Callable[[], None]:
    """Raises ENOSPC from call number `first` to `last`."""

    def check() -> None:
        calls.append(len(calls) + 1)
        if first <= calls[-1] <= last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return check


def test_a_full_disk_costs_checkpoints_and_is_told_once(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = full_between(5, 7, [])
    begin = checkpoints._Watched.__init__

    def opened(self: Any, path: Path, failed: list[OSError]) -> None:
        check()
        begin(self, path, failed)

    monkeypatch.setattr(checkpoints._Watched, "__init__", opened)
    folder = make_run(DIGITS, "trainer.epochs=8")
    assert train(folder) == 0
    (alarm,) = events(folder, "alarm")
    assert "No space left on device" in alarm.message
    assert "former checkpoint is still whole" in alarm.message
    saved = [event.data["step"] for event in events(folder, "checkpoint")]
    assert saved[0] < alarm.step < saved[-1]
    latest = pointed(folder.checkpoints, "latest")
    assert latest is not None
    _, state = read_checkpoint(latest)
    assert state["step"] == read_status(folder.path).step == saved[-1]


def test_a_write_that_fails_within_a_file_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: io.FileIO, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(checkpoints._Watched):
        def write(self, data: Any) -> int:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._failed.append(error)
            raise error

    monkeypatch.setattr(checkpoints, "_Watched", Full)
    with pytest.raises(OSError, match="No space left") as raised:
        checkpoints._save({"a": 1}, tmp_path / "x.pt")
    assert raised.value.errno == errno.ENOSPC


def test_a_status_that_cannot_be_written_is_told_once_and_tried_again(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = full_between(3, 8, [])
    write = record.write_status

    def sometimes(*args: Any, **settings: Any) -> None:
        check()
        write(*args, **settings)

    monkeypatch.setattr(record, "write_status", sometimes)
    folder = make_run(DIGITS, "trainer.epochs=4")
    assert train(folder) == 0
    (alarm,) = events(folder, "alarm")
    assert alarm.message.startswith("status.json: No space left on device")
    assert read_status(folder.path).state == "finished"
