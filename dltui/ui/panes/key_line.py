"""The keys of a run in the last line of the screen.

Textual's Footer is made anew whenever the focus moves, and with it the whole screen is sent
again: 50 kB at 120×36, a second on a slow link.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.binding import Binding

from dltui.ui.panes.lines import Lines, Span

if TYPE_CHECKING:
    from dltui.ui.snapshot import Snapshot

LIVE_KEYS = ("run-pause", "run-learning-rate", "run-checkpoint", "run-stop")
"""Binding ids of what only a live run can do."""
RESTART_KEY = "run-resume"
_OTHER_WORDS = {("run-pause", "paused"): "Go on", ("run-detach", "ended"): "Leave"}


class KeyLine(Lines):
    """Names the keys that make sense in the run's state; a click presses one."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; background: $footer-background; }"

    def __init__(self, bindings: Sequence[Binding], *, first_to_go: Sequence[str] = ()) -> None:
        """`first_to_go`: ids of what is left out, in this order, where not all have room."""
        super().__init__(id="key-line")
        self._run_keys = tuple(bindings)
        self._first_to_go = tuple(first_to_go)
        self._state = "live"

    def on_mount(self) -> None:
        self._draw()

    def show(self, snapshot: Snapshot) -> None:
        """Takes a new snapshot; draws only when the state is another."""
        state = "paused" if snapshot.state == "paused" else "live" if snapshot.live else "ended"
        if state == "ended" and snapshot.state in ("stopped", "failed", "died"):
            state = "restartable"
        if state != self._state:
            self._state = state
            self._draw()

    def on_resize(self) -> None:
        if self._first_to_go:
            self._draw()

    def on_click(self, event: events.Click) -> None:
        left = 1
        for binding in self._offered():
            width = cell_len(self._label(binding)) + 2
            if left <= event.x < left + width:
                self.screen.call_next(self.screen.run_action, binding.action)
                return
            left += width

    def _offered(self) -> list[Binding]:
        is_live = self._state in ("live", "paused")
        offered = [
            binding
            for binding in self._run_keys
            if (binding.id in LIVE_KEYS and is_live)
            or (binding.id == RESTART_KEY and self._state == "restartable")
            or (binding.show and binding.id not in (*LIVE_KEYS, RESTART_KEY))
        ]
        for left_out in self._first_to_go:
            if sum(cell_len(self._label(each)) + 2 for each in offered) <= self.size.width:
                break
            offered = [binding for binding in offered if binding.id != left_out]
        return offered

    def _label(self, binding: Binding) -> str:
        return f"{self._key(binding)} {self._word(binding)}"

    def _key(self, binding: Binding) -> str:
        return binding.key_display or binding.key.partition(",")[0]

    def _word(self, binding: Binding) -> str:
        state = "ended" if self._state == "restartable" else self._state
        return _OTHER_WORDS.get((binding.id or "", state), binding.description)

    @property
    def text(self) -> str:
        """What the line says."""
        return "  ".join(map(self._label, self._offered()))

    def _draw(self) -> None:
        spans: list[Span] = [(" ", "")]
        for binding in self._offered():
            spans.append((self._key(binding), "accent"))
            spans.append((f" {self._word(binding)}  ", "dim"))
        self.set_lines([tuple(spans)])
