"""kill -9 at any moment loses nothing that was stored; the signals that ask, ask in time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dltui.runs import Status, create_run, read_status
from dltui.runs.sweep import sweep_run
from tests.reliability.experiments import tried


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("kill-logging", 25),
        ("every-operation", None),
        ("kill-checkpoints", 6),
        ("kill-worker", 2),
        ("signal-worker", 3),
        ("death-shown", 1),
    ],
)
def test_nothing_that_was_stored_is_lost(name: str, times: int | None) -> None:
    row = tried(name, *([] if times is None else ["--times", str(times)]))
    assert row["losses"] == []
    assert row["lost"] == 0
    assert row["times"] == times or (times is None and row["times"] > 100)


def test_the_next_worker_sweeps_what_a_killed_one_left_and_nothing_of_others(
    tmp_path: Path,
) -> None:
    run = create_run(tmp_path, "swept", "a: 1", "a: 1", Status())
    for folder in (run.checkpoints, run.samples):
        (folder / ".tmp-12-ab").mkdir()
        (folder / ".tmp-12-ab" / "half.pt").write_text("half")
    old, fresh = run.path / ".tmp-12-status.json", run.inbox / ".tmp-13-0.json"
    for path in (old, fresh):
        path.write_text("half")
    os.utime(old, (0, 0))
    sweep_run(run)
    assert list(run.path.rglob(".tmp-*")) == [fresh]
    assert read_status(run.path).state == "queued"
