"""Widgets whose picture depends on their size and on whether they have the focus."""

from __future__ import annotations


class Redrawn:
    """Draws anew whenever the size or the focus of the widget has changed.

    No widget itself: Textual inherits style classes along the first base alone.
    """

    def on_resize(self) -> None:
        self._draw()

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """Makes what the widget shows, of the size that it has now."""
        raise NotImplementedError
