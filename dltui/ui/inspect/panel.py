"""What the views of a tensor have in common: one thing to read, and a place for the answer."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.containers import Vertical
from textual.message import Message

from dltui.charts.canvas import Frame
from dltui.inspect.contents import Tensor
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.reading import Reading, Work
from dltui.ui.panes.lines import Line, Lines, text_of, wrapped_line

_TEXT = 2_000
"""Lines that are copied of a longer list."""


class Panel(Vertical):
    """One view of a tensor's values. `show` asks for nothing itself: the details do."""

    view: ClassVar[str]
    topic: ClassVar[str]
    """What explains it, in `dltui.explain`."""
    DEFAULT_CSS = """
    Panel {
        height: 1fr;
        & > .panel--word { height: auto; max-height: 8; }
        & > LineChart, & > PictureSheetView { height: 1fr; }
    }
    """

    @dataclass
    class Asked(Message):
        """The panel wants something else read of the same tensor."""

        panel: Panel

    def __init__(self) -> None:
        super().__init__(id=f"view-{self.view}")
        self.word = Lines(classes="panel--word")
        self.file: OpenedFile | None = None
        self.tensor: Tensor | None = None
        self._said: tuple[Line, ...] = ()

    def show(self, file: OpenedFile, tensor: Tensor) -> None:
        """Another tensor is looked at; its values come with `take`."""
        self.file, self.tensor = file, tensor
        self.say((("reading the values …", "dim"),))

    def wish(self, file: OpenedFile, tensor: Tensor) -> tuple[Hashable, Work]:
        """What is to be read, and under which key it is kept."""
        raise NotImplementedError

    def take(self, reading: Reading) -> None:
        """Shows what has been read so far."""
        raise NotImplementedError

    def readings(self) -> list[str]:
        """The current values in words, for the explanation and for screen readers."""
        return []

    def command(self) -> str:
        """What `dltui inspect FILE --tensor NAME` needs to show the same."""
        return f"--view {self.view}"

    def part(self) -> str:
        """Which part of the tensor is shown, as Python indexes it; empty for all of it."""
        return ""

    def as_text(self) -> str:
        """What stands in the panel, as lines of text."""
        lines: list[str] = []
        for widget in self.query("*"):
            if isinstance(widget, Lines) and widget.display:
                lines += [
                    text_of(widget.line_at(n)).rstrip() for n in range(min(widget.count, _TEXT))
                ]
            elif isinstance(frame := getattr(widget, "frame", None), Frame) and widget.display:
                lines += [line.rstrip() for line in frame.lines()]
        return "\n".join(lines) + "\n"

    def say(self, *lines: Line) -> None:
        """Puts words over the picture; none takes the place away."""
        self._said = lines
        self._show_words()

    def on_resize(self, event: events.Resize) -> None:
        self._show_words()

    def _show_words(self) -> None:
        width = self.size.width or self.app.size.width
        lines = [piece for line in self._said for piece in wrapped_line(line, width)]
        self.word.display = bool(lines)
        self.word.styles.height = max(1, len(lines))
        self.word.set_lines(lines)

    def focus_inside(self) -> None:
        """Focuses the first thing that takes keys."""
        for widget in self.query("*"):
            if widget.focusable and widget.display:
                widget.focus()
                return
