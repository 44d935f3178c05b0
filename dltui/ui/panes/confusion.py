"""The confusion matrix of an evaluation, and the way to the examples behind a cell."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import ConfusionAt, Snapshot
from dltui.ui.widgets.confusion_grid import ConfusionGrid


class ConfusionPane(OutcomePane):
    """Rows are the truth, columns the prediction; Enter on a cell shows its examples."""

    pane_title = "confusion"
    topic = "confusion-matrix"
    hint = "enter examples · < > scrub · p percent · o order"
    kind = "confusion"

    @dataclass
    class CellOpened(Message):
        """The examples of one cell are asked for."""

        truth: str
        prediction: str

    def __init__(self) -> None:
        super().__init__()
        self.grid = ConfusionGrid(id="confusion-grid")
        self._shown: ConfusionAt | None = None

    def compose(self) -> ComposeResult:
        yield self.grid

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.confusion
        if at is None:
            self.wait_while(
                snapshot, "waiting for the first evaluation", "this run has no confusion matrix"
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            per_epoch = snapshot.progress.steps_per_epoch
            step = at.steps[at.index]
            when = f"epoch {step / per_epoch:.3g}" if per_epoch else f"step {step:,}"
            total = int(at.matrix.sum())
            share = f" · acc {at.matrix.trace() / total:.3f}" if total else ""
            self.show_moment(at.steps, at.index)
            older = "" if at.index == len(at.steps) - 1 else f" ({at.index + 1}/{len(at.steps)})"
            self.name_as(f"confusion · {at.part} · {when}{share}{older}")
            self.grid.set_data(at.matrix, at.classes)

    @on(ConfusionGrid.CellChosen)
    def open_cell(self, event: ConfusionGrid.CellChosen) -> None:
        event.stop()
        at = self._shown
        if at is not None:
            truth, prediction = _class(at, event.truth), _class(at, event.prediction)
            self.post_message(self.CellOpened(truth, prediction))

    def readings(self) -> list[str]:
        at = self._shown
        if at is None:
            return ["There is no evaluation yet."]
        matrix, total = at.matrix, int(at.matrix.sum())
        lines = [f"{int(matrix.trace()):,} of {total:,} examples are classified correctly."]
        wrong = matrix.copy()
        for index in range(len(wrong)):
            wrong[index, index] = 0
        if wrong.size and wrong.max() > 0:
            truth, prediction = divmod(int(wrong.argmax()), wrong.shape[1])
            lines.append(
                f"The most frequent mistake: {int(wrong.max()):,} times {at.classes[truth]} was "
                f"taken for {at.classes[prediction]}."
            )
        never = [at.classes[i] for i, count in enumerate(matrix.sum(axis=0)) if count == 0]
        if never:
            lines.append(f"Never predicted: {', '.join(never[:10])}.")
        return lines


def _class(at: ConfusionAt, place: int | str) -> str:
    return place if isinstance(place, str) else at.classes[place]
