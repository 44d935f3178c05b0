"""The strip of views over the details, each with the number that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message

from dltui.ui.panes.lines import Lines, Span

_LEAST = 3
"""Letters that are left of a name."""


class ViewTabs(Lines):
    """Names the views of what is looked at; a click opens one."""

    DEFAULT_CSS = "ViewTabs { height: 1; }"

    @dataclass
    class TabChosen(Message):
        """A view was clicked."""

        number: int

    def __init__(self) -> None:
        super().__init__(id="view-tabs")
        self.names: tuple[str, ...] = ()
        self.active = 0

    def show(self, names: tuple[str, ...], active: int) -> None:
        """Other views, or another one of them in front."""
        self.names, self.active = names, active
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        left = 0
        for number, label in enumerate(self._labels()):
            left += cell_len(label) + self._gap()
            if event.x < left:
                self.post_message(self.TabChosen(number))
                return

    def _labels(self) -> list[str]:
        """With numbers; where it is narrow, the names are cut, the one in front last."""
        names = list(self.names)
        while sum(len(name) + 3 for name in names) > self.size.width + 1:
            long = [place for place, name in enumerate(names) if len(name) > _LEAST]
            if not long:
                break
            longest = max(long, key=lambda place: (place != self.active, len(names[place])))
            names[longest] = names[longest][:-1]
        return [f"{number} {name}" for number, name in enumerate(names, 1)]

    def _gap(self) -> int:
        used = sum(len(label) for label in self._labels())
        return max(1, min(3, (self.size.width - used) // max(1, len(self.names))))

    def _draw(self) -> None:
        spans: list[Span] = []
        for place, label in enumerate(self._labels()):
            number, _, name = label.partition(" ")
            is_active = place == self.active
            spans.append((number, "accent" if is_active else "dim"))
            spans.append((f" {name}", "strong" if is_active else "dim"))
            spans.append((" " * self._gap(), ""))
        self.set_lines([tuple(spans)])
