"""What the panes are given of a run."""

from __future__ import annotations

from dltui.ui.recording import Recording
from dltui.ui.snapshot import Wanted
from tests.ui.watch.driving import Make


def test_metrics_come_in_the_order_of_their_columns(make_run: Make) -> None:
    recording = Recording(make_run(50, scalars=12).folder.path)
    snapshot = recording.read(Wanted())
    assert snapshot is not None
    extra = [f"train/extra_{number}" for number in range(8)]
    expected = ["train/loss", "train/lr", "train/grad_norm", "train/accuracy", *extra]
    assert [name for name in snapshot.curves if name.startswith("train/")] == expected
