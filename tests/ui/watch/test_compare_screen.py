"""Several runs in one chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App

from dltui.ui.panes.table import Table
from dltui.ui.screens.compare import CompareScreen, differences
from dltui.ui.widgets.line_chart import LineChart


class CompareApp(App[None]):
    def __init__(self, screen: CompareScreen) -> None:
        super().__init__()
        self.first = screen

    def on_mount(self) -> None:
        self.push_screen(self.first)


async def test_runs_are_overlaid_listed_hidden_and_filtered(make_run: Callable[..., Any]) -> None:
    runs = [
        make_run(100, name="one"),
        make_run(100, name="two", seed=1),
        make_run(60, name="three"),
    ]
    for run in runs:
        run.end("finished")
    screen = CompareScreen([run.folder.path for run in runs[:2]])
    async with CompareApp(screen).run_test(size=(120, 36)) as pilot:
        table = screen.query_one("#compare-runs", Table)
        for _ in range(100):
            await pilot.pause(0.03)
            if len(screen._snapshots) == 2 and len(table.rows) == 3:
                break
        chart = screen.query_one(LineChart)
        assert set(chart.value_at(1e9)) == {"one-1", "two-1"}
        table.cursor_key = str(runs[0].folder.path)
        await pilot.press("space")
        assert set(chart.value_at(1e9)) == {"two-1"}
        await pilot.press("slash", *"name:one-1")
        await pilot.pause(0.1)
        assert {row.cells[1][0] for row in table.rows} == {"one-1", "two-1"}


def test_only_settings_that_differ_are_shown() -> None:
    recipes = [{"a": 1, "lr": 1e-3, "b": "x"}, {"a": 1, "lr": 3e-3}]
    assert differences(recipes) == [("b", ("x", "-")), ("lr", ("0.001", "0.003"))]
