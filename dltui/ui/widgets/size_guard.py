"""Below the smallest usable terminal a screen says so instead of drawing a broken layout."""

from __future__ import annotations

from textual import events
from textual.widgets import Static

MIN_COLUMNS, MIN_ROWS = 60, 16


class SizeGuard(Static):
    """Covers its screen, and gives it the class `-too-small`, while the terminal is too small."""

    def on_mount(self) -> None:
        self.fit()

    def on_resize(self, event: events.Resize) -> None:
        self.fit()

    def fit(self) -> None:
        columns, rows = self.app.size
        self.screen.set_class(columns < MIN_COLUMNS or rows < MIN_ROWS, "-too-small")
        self.update(f"{columns}×{rows} is too small: {MIN_COLUMNS}×{MIN_ROWS} at least")
