"""The confusion matrix and the histograms over time as a person sees and drives them."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from dltui.charts.glyphs import ASCII
from dltui.ui.widgets.confusion_grid import ConfusionGrid
from dltui.ui.widgets.frame_view import FrameView
from dltui.ui.widgets.histogram_ridge import HistogramRidge

MATRIX = np.array([[50, 3, 0], [7, 40, 31], [0, 0, 9]])
CLASSES = ("cat", "dog", "fox")


class OneWidget(App[None]):
    CSS = "FrameView { width: 100%; height: 100%; }"

    def __init__(self, widget: FrameView) -> None:
        super().__init__()
        self.widget = widget
        self.chosen: list[tuple[int, int]] = []
        self.steps: list[float | None] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_confusion_grid_cell_chosen(self, event: ConfusionGrid.CellChosen) -> None:
        self.chosen.append((event.truth, event.prediction))

    def on_histogram_ridge_step_moved(self, event: HistogramRidge.StepMoved) -> None:
        self.steps.append(event.step)


async def test_the_matrix_shows_counts_with_the_diagonal_in_brackets():
    app = OneWidget(ConfusionGrid())
    async with app.run_test():
        assert "waiting for the first evaluation" in "\n".join(app.widget.frame.lines())
        app.widget.set_data(MATRIX, CLASSES)
        lines = app.widget.frame.lines()
        assert lines[2].split() == ["cat", "[50]", "3", "·"]
        assert lines[3].split() == ["dog", "7", "[40]", "31"]
        assert "accuracy 0.707" in lines[0]


async def test_percentages_order_and_the_chosen_cell():
    app = OneWidget(ConfusionGrid())
    async with app.run_test() as pilot:
        grid = app.widget
        grid.set_data(MATRIX, CLASSES)
        grid.focus()
        await pilot.press("p")
        assert grid.frame.lines()[3].split() == ["dog", "9%", "[51%]", "40%"]
        await pilot.press("o")
        assert [line.split()[0] for line in grid.frame.lines()[2:5]] == ["dog", "fox", "cat"]
        await pilot.press("right", "enter")
        assert app.chosen == [(1, 2)]
        assert "dog → fox" in grid.frame.lines()[0]
        await pilot.press("left", "left", "up", "enter")
        assert app.chosen[-1] == (1, 1)


async def test_a_hundred_classes_scroll_with_the_cursor():
    app = OneWidget(ConfusionGrid())
    async with app.run_test(size=(60, 20)) as pilot:
        grid = app.widget
        grid.set_data(np.eye(100, dtype=int) * 7, [f"class{i}" for i in range(100)])
        grid.focus()
        await pilot.press(*["pagedown"] * 12, *["right"] * 30, "enter")
        assert app.chosen == [(99, 30)]
        assert any("class99" in line for line in grid.frame.lines())
        assert "of 100" in grid.frame.lines()[-1]


async def test_a_click_puts_the_cursor_and_two_open_the_examples():
    app = OneWidget(ConfusionGrid())
    async with app.run_test() as pilot:
        app.widget.set_data(MATRIX, CLASSES)
        column = app.widget.frame.lines()[3].index("31")
        await pilot.click(ConfusionGrid, offset=(column, 3))
        assert app.widget.cell == (1, 2)
        assert app.chosen == []
        await pilot.double_click(ConfusionGrid, offset=(column, 3))
        assert app.chosen[-1] == (1, 2)


async def test_a_matrix_that_does_not_fit_its_classes_is_refused():
    app = OneWidget(ConfusionGrid())
    async with app.run_test():
        with pytest.raises(ValueError, match="2 classes do not fit"):
            app.widget.set_data(MATRIX, ("cat", "dog"))


async def test_histograms_are_read_out_row_by_row():
    rng = np.random.default_rng(0)
    edges = np.linspace(-4, 4, 65)
    counts = np.stack([np.histogram(rng.normal(0, 1, 1000), edges)[0] for _ in range(4)])
    app = OneWidget(HistogramRidge())
    async with app.run_test() as pilot:
        ridge = app.widget
        assert "waiting for the first histogram" in "\n".join(ridge.frame.lines())
        ridge.set_data([100, 200, 300, 400], counts, edges)
        assert ridge.frame.lines()[0].startswith("step 400")
        ridge.focus()
        await pilot.press("down", "down")
        assert app.steps == [400.0, 300.0]
        assert ridge.frame.lines()[0].startswith("step 300")
        assert "linear" in ridge.frame.lines()[0]
        await pilot.press("h", "0")
        assert "symlog" in ridge.frame.lines()[0]
        assert app.steps[-1] is None


@pytest.mark.parametrize("size", [(6, 2), (16, 4), (30, 7), (200, 60)])
@pytest.mark.parametrize("kind", [ConfusionGrid, HistogramRidge])
async def test_every_size_is_filled_also_in_ascii(size, kind):
    app = OneWidget(kind(glyphs=ASCII))
    async with app.run_test(size=size):
        if isinstance(app.widget, ConfusionGrid):
            app.widget.set_data(np.eye(30, dtype=int), [f"c{i}" for i in range(30)])
        else:
            app.widget.set_data([1, 2], np.ones((2, 4)), [-2, -1, 0, 1, 2])
        frame = app.widget.frame
        assert (frame.width, frame.height) == size
        assert "".join(frame.lines()).strip()


@pytest.mark.parametrize("percentages", [False, True])
async def test_ten_classes_fit_half_a_small_terminal(percentages):
    matrix = np.diag([31] * 9 + [30])
    matrix[8, 1] = 2
    app = OneWidget(ConfusionGrid())
    async with app.run_test(size=(54, 14)):
        app.widget.set_data(matrix, [str(i) for i in range(10)])
        app.widget.percentages = percentages
        lines = app.widget.frame.lines()
        assert lines[1].split() == [str(i) for i in range(10)]
        right = "[100%]" if percentages else "[31]"
        assert right in lines[2]
        assert lines[10].count("·") == 8
