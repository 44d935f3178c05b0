"""A table whose lines are made when they are drawn: any number of rows."""

from __future__ import annotations

from dltui.ui.panes.lines import Line
from dltui.ui.panes.table import Table


class LongTable(Table):
    """For rows that do not change every second, of which there may be tens of thousands."""

    @property
    def count(self) -> int:
        return 1 + len(self.rows)

    def line_at(self, index: int) -> Line:
        widths = self.widths()
        return (
            self.header_line(widths) if index == 0 else self.row_line(self.rows[index - 1], widths)
        )

    def _draw(self) -> None:
        self._measure()
        self.refresh()
