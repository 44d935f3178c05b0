"""A list to choose from."""

from __future__ import annotations

from textual.widgets import OptionList


class Choices(OptionList):
    """Textual's list, which fails with KeyError where a page is turned before it has any room."""

    def action_page_down(self) -> None:
        """Nothing happens on a screen too small to show a line of it."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        """As `action_page_down`."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
