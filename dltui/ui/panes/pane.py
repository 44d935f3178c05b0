"""What all panes have in common: a border with a title, a topic to explain, a thing to wait for."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Vertical
from textual.content import Content

from dltui.ui.panes.lines import Lines
from dltui.ui.snapshot import Snapshot


class Pane(Vertical):
    """One part of a run on the screen.

    `show` gets every snapshot while the pane is visible and must cost nothing where its part is
    unchanged. While there is nothing to show, `wait_for` says what the pane waits for.
    """

    pane_title: ClassVar[str]
    topic: ClassVar[str]
    hint: ClassVar[str] = ""
    """The pane's own keys, on its lower border while it has the focus."""
    first_word: ClassVar[str | None] = "reading the run …"
    """What stands in the pane before the first snapshot; None: nothing."""
    DEFAULT_CSS = """
    Pane {
        border: round $border-blurred;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        padding: 0 1;
        &:focus-within { border: round $primary; border-title-color: $primary; }
        & > .pane--waiting { display: none; height: 1fr; }
        &.-waiting > * { display: none; }
        &.-waiting > .pane--waiting { display: block; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = Content(self.pane_title)
        self._title, self._subtitle = self.pane_title, ""
        self._waiting = Lines(classes="pane--waiting")
        self._waiting.can_focus = True

    def on_mount(self) -> None:
        self.mount(self._waiting)
        if self.first_word is not None:
            self.wait_for(self.first_word)

    def show(self, snapshot: Snapshot) -> None:
        """Takes a new snapshot."""
        raise NotImplementedError

    def readings(self) -> list[str]:
        """The current values in whole sentences, for the explanation and for screen readers."""
        return []

    def wait_while(self, snapshot: Snapshot, live: str, ended: str) -> bool:
        """Waits: before the first step for what the worker is at, then for `live` or `ended`."""
        return self.wait_for(waiting_text(snapshot, live, ended))

    def wait_for(self, what: str | None) -> bool:
        """Shows `what` in place of the content; `None` shows the content. True while waiting."""
        self.set_class(what is not None, "-waiting")
        if what is not None:
            self._waiting.set_lines([((line, "dim"),) for line in what.splitlines()])
        return what is not None

    def name_as(self, title: str) -> None:
        """Sets the border title, without reading markup from it."""
        if self._title != title:
            self._title = title
            self.border_title = Content(title)

    def note_below(self, subtitle: str) -> None:
        """Sets the border subtitle, without reading markup from it."""
        self._subtitle = subtitle
        self._write_below()

    def _hint(self) -> str:
        return self.hint

    def on_descendant_focus(self) -> None:
        self._write_below()

    def on_descendant_blur(self) -> None:
        self._write_below()

    def _write_below(self) -> None:
        hint = self._hint() if self.has_focus_within else ""
        self.border_subtitle = Content(" · ".join(filter(None, (self._subtitle, hint))))

    def focus_inside(self) -> None:
        """Focuses the first thing in the pane that takes keys."""
        for widget in self.query("*"):
            if widget.focusable and widget.display:
                widget.focus()
                return


def waiting_text(snapshot: Snapshot, live: str, ended: str) -> str:
    """What a pane without content says: the worker's own word where it has one."""
    if snapshot.state == "queued":
        return snapshot.reason or "queued: waiting for its turn"
    if snapshot.state == "starting":
        return f"starting: {snapshot.reason or 'waiting for the worker'} …"
    if snapshot.state == "running" and snapshot.reason:
        return f"{snapshot.reason} …"
    return live if snapshot.live else ended
