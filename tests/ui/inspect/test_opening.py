"""A checkpoint opened by a thread: what its head start waits for, and what not."""

import threading
from pathlib import Path

import pytest
import torch

from dltui.inspect.contents import Checkpoint
from dltui.ui.inspect import opening
from dltui.ui.inspect.opening import Opening


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    torch.save({f"layers.{i}.weight": torch.zeros(2) for i in range(3_000)}, path)
    return path


def test_a_file_that_needs_no_disk_is_open_after_its_head_start(file: Path) -> None:
    started = Opening(file)
    while started.result(0) is None:
        # On a busy machine the thread may have to wait for a processor as for a disk.
        started.head_start()
    found = started.result(0)
    assert found is not None
    assert len(found.checkpoint.tensors) == 3_000


def test_one_that_waits_for_a_disk_is_not_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, read = threading.Event(), opening.open_checkpoint

    def slow(path: Path) -> Checkpoint:
        there.wait()
        return read(path)

    monkeypatch.setattr(opening, "open_checkpoint", slow)
    started = Opening(file)
    started.head_start()
    assert started.result(0) is None
    there.set()
    assert started.result() is not None
