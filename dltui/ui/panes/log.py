"""Findings first, then what happened: events with their step, newest at the bottom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding

from dltui.charts.numbers import format_count
from dltui.ui.panes.lines import Line, Lines, Span, text_of
from dltui.ui.panes.pane import Pane
from dltui.ui.panes.states import LEVEL_TONES, level_sign
from dltui.ui.panes.texts import wrapped
from dltui.ui.snapshot import LogLine, Snapshot

LEVELS = ("info", "warning", "error")
_KEPT = 2000
_CLOCK_FITS = 76


class LogPane(Pane):
    """What the doctor found and what the run did. `v` hides the lines below a level."""

    pane_title = "findings and log"
    first_word = None
    topic = "findings"
    hint = "v level"
    BINDINGS = [
        Binding(
            "v",
            "next_level",
            "Level",
            show=False,
            tooltip="Show all, warnings and errors, errors only",
            id="log-level",
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="log")
        self.page = Lines(id="log-page")
        self.page.can_focus = True
        self.level = "info"
        self._findings: tuple[Any, ...] = ()
        self._log: tuple[LogLine, ...] = ()
        self._worker_log: tuple[str, ...] = ()
        self._notes: tuple[LogLine, ...] = ()
        self._shown: tuple[Any, ...] | None = None

    def compose(self) -> ComposeResult:
        yield self.page

    def show(self, snapshot: Snapshot) -> None:
        shown = (snapshot.findings, snapshot.log, snapshot.worker_log)
        if self._shown is not None and all(
            new is old for new, old in zip(shown, self._shown, strict=True)
        ):
            return
        self._shown = shown
        self._findings, self._log, self._worker_log = shown
        self._write()

    def note(self, line: LogLine) -> None:
        """Adds a line of the screen's own: what was asked for, what does not apply."""
        self._notes = (*self._notes[-20:], line)
        self._write()

    def on_resize(self) -> None:
        self._write()

    def action_next_level(self) -> None:
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        words = {"info": "", "warning": "warnings and errors", "error": "errors only"}
        self.note_below(words[self.level])
        self._write()

    def readings(self) -> list[str]:
        if not self._findings:
            return ["The doctor has found nothing wrong so far."]
        return [f"{finding.message} {finding.remedy}" for finding in self._findings]

    def _write(self) -> None:
        width = max(20, self.page.size.width - 1)
        at_end = self.page.scroll_offset.y >= self.page.max_scroll_y - 1
        shown = LEVELS[LEVELS.index(self.level) :]
        lines = [
            line
            for finding in self._findings
            if finding.severity in shown
            for line in finding_lines(finding, width)
        ]
        for event in in_order(self._log[-_KEPT:], self._notes):
            if event.level in shown:
                lines += event_lines(event, width)
        if "error" in shown and self._worker_log:
            lines.append((("the end of worker.log", "dim"),))
            lines += [((text, "dim"),) for text in self._worker_log]
        if not lines:
            lines = [(("nothing to report", "dim"),)]
        grew = len(lines) != len(self.page.lines)
        self.page.set_lines(lines)
        if grew and at_end and not self._findings:
            self.page.call_after_refresh(self.page.scroll_end, animate=False)


def finding_lines(finding: Any, width: int) -> list[Line]:
    """Sign, severity in a word, what was found, what to do; wrapped to `width` cells."""
    tone = LEVEL_TONES.get(finding.severity, "")
    where = f" {finding.layer}:" if finding.layer else ""
    head = f"{level_sign(finding.severity)} {finding.severity}{where} "
    wrap = wrapped(head, f"{finding.message} {finding.remedy}", width)
    return [_toned(line, tone) for line in wrap]


def in_order(log: Sequence[LogLine], notes: Sequence[LogLine]) -> list[LogLine]:
    """The log as it was written, whatever its clock says, and the notes where they fall in."""
    latest = list(accumulate((line.time for line in log), max))
    timed = [*zip(latest, log, strict=True), *((note.time, note) for note in notes)]
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


def event_lines(event: LogLine, width: int) -> list[Line]:
    """The clock where there is room, step, sign where it matters, message."""
    step = format_count(event.step) if event.step is not None else ""
    clock = time.strftime("%H:%M:%S ", time.localtime(event.time)) if width >= _CLOCK_FITS else ""
    sign = "" if event.level == "info" else level_sign(event.level) + " "
    tone = LEVEL_TONES.get(event.level, "")
    lines = wrapped(f"{clock}{step:>8}  ", sign + event.message, width)
    return [tuple((text, "dim" if t == "accent" else tone) for text, t in line) for line in lines]


def log_text(pane: LogPane) -> str:
    """What the pane shows, as plain text."""
    return "\n".join(map(text_of, pane.page.lines))


def _toned(line: Line, tone: str) -> Line:
    spans: list[Span] = [(text, tone if t == "accent" else "") for text, t in line]
    return tuple(spans)
