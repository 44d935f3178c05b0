"""Prediction against truth of a regression, as a scatter with the line where both agree."""

from __future__ import annotations

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from dltui.charts.numbers import format_value
from dltui.ui.panes.lines import Lines
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import PredictionsAt, Snapshot

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.int64)


class Scatter(Widget, can_focus=True):
    """Points (truth, prediction) in braille; the diagonal is drawn quietly behind them."""

    COMPONENT_CLASSES = {"scatter--point", "scatter--diagonal", "scatter--axis"}
    DEFAULT_CSS = """
    Scatter {
        height: 1fr;
        & > .scatter--point { color: $primary; }
        & > .scatter--diagonal { color: $text-muted; }
        & > .scatter--axis { color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._truth = np.empty(0)
        self._prediction = np.empty(0)
        self._rows: list[list[tuple[str, str]]] = []

    def set_data(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Both `(n,)`; pairs that are not finite are left out."""
        known = np.isfinite(truth) & np.isfinite(prediction)
        self._truth, self._prediction = truth[known], prediction[known]
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, base)
        segments = [
            Segment(text, base + (self._role(role) if role else Style.null()))
            for text, role in self._rows[y]
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _role(self, role: str) -> Style:
        return self.get_component_rich_style(f"scatter--{role}", partial=True)

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height - 1
        if width < 8 or height < 3:
            self._rows = []
        else:
            self._rows = scatter_rows(self._truth, self._prediction, width, height)
        self.refresh()


def scatter_rows(
    truth: np.ndarray, prediction: np.ndarray, width: int, height: int
) -> list[list[tuple[str, str]]]:
    """`height` rows of `width` cells and a row of limits; spans are (text, role)."""
    if not truth.size:
        return [[("no finite prediction", "axis")]]
    low = float(min(truth.min(), prediction.min()))
    high = float(max(truth.max(), prediction.max()))
    span = (high - low) or 1.0
    columns, rows = width * 2, height * 4
    dots = np.zeros((rows, columns), dtype=bool)
    x = np.rint((truth - low) / span * (columns - 1)).astype(int)
    y = np.rint((high - prediction) / span * (rows - 1)).astype(int)
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):  # one dot alone is hard to see
        dots[np.minimum(y + down, rows - 1), np.minimum(x + across, columns - 1)] = True
    cells = dots.reshape(height, 4, width, 2)
    patterns = (cells * _BITS[None, :, None, :]).sum(axis=(1, 3))
    drawn: list[list[tuple[str, str]]] = []
    for row in range(height):
        diagonal = round((1 - (row + 0.5) / height) * (width - 1))
        spans: list[tuple[str, str]] = []
        for column, pattern in enumerate(patterns[row].tolist()):
            if pattern:
                spans.append((chr(0x2800 + pattern), "point"))
            else:
                spans.append(("·", "diagonal") if column == diagonal else (" ", ""))
        drawn.append(spans)
    left, right = f"truth → {format_value(low)}", format_value(high)
    gap = max(1, width - len(left) - len(right))
    drawn.append([(left + " " * gap + right, "axis")])
    return drawn


class PredictionsPane(OutcomePane):
    """The newest evaluation; `<` and `>` scrub, `n` turns to the next target."""

    pane_title = "prediction against truth"
    topic = "predictions"
    hint = "< > earlier and later · n next target"
    DEFAULT_CSS = "PredictionsPane > .predictions--values { height: 1; }"
    kind = "predictions"
    BINDINGS = [Binding("n", "next_target", "Next target", show=False, id="next-target")]

    def __init__(self) -> None:
        super().__init__()
        self.values = Lines(classes="predictions--values")
        self.scatter = Scatter()
        self.target = 0
        self._shown: PredictionsAt | None = None

    def compose(self) -> ComposeResult:
        yield self.values
        yield self.scatter

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.predictions
        if at is None:
            self.wait_while(
                snapshot, "waiting for the first evaluation", "this run has no predictions"
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            self._draw()

    def action_next_target(self) -> None:
        if self._shown is not None:
            self.target = (self.target + 1) % max(1, self._shown.truth.shape[1])
            self._draw()

    def readings(self) -> list[str]:
        if self._shown is None:
            return ["There is no evaluation yet."]
        error, mean, fit = self._errors(self._shown)
        return [
            f"{len(self._shown.truth)} examples; the typical error is {format_value(error)}, "
            f"predictions are off by {format_value(mean)} on average, and R² is {fit:.3f} (1 is "
            f"perfect, 0 is no better than always saying the mean)."
        ]

    def _draw(self) -> None:
        at = self._shown
        if at is None:
            return
        self.name_as(f"prediction against truth · {self.show_moment(at.steps, at.index)}")
        error, mean, fit = self._errors(at)
        self.values.set_lines(
            [
                (
                    ("R² ", "dim"),
                    (f"{fit:.3f}   ", "strong"),
                    ("typical error ", "dim"),
                    (f"{format_value(error)}   ", ""),
                    ("offset ", "dim"),
                    (f"{format_value(mean)}   ", ""),
                    (f"target {self.target + 1}/{at.truth.shape[1]}", "dim"),
                )
            ]
        )
        self.scatter.set_data(at.truth[:, self.target], at.prediction[:, self.target])

    def _errors(self, at: PredictionsAt) -> tuple[float, float, float]:
        """The root mean squared error, the mean of prediction minus truth, and R²."""
        truth = at.truth[:, self.target].astype(np.float64)
        off = at.prediction[:, self.target].astype(np.float64) - truth
        known = np.isfinite(off)
        off, truth = off[known], truth[known]
        if not off.size:
            return float("nan"), float("nan"), float("nan")
        spread = float(((truth - truth.mean()) ** 2).sum())
        fit = 1 - float((off**2).sum()) / spread if spread > 0 else float("nan")
        return float(np.sqrt((off**2).mean())), float(off.mean()), fit
