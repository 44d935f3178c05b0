"""The line at the top of a run: name, state, progress, speed, device; and why it ended."""

from __future__ import annotations

import math

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical

from dltui.charts.glyphs import terminal_glyphs
from dltui.runs.status import state_word
from dltui.ui.panes.lines import Line, Lines, Span, fit
from dltui.ui.panes.numbers import duration, rate
from dltui.ui.panes.states import STATE_TONES, state_glyph
from dltui.ui.snapshot import Progress, Snapshot

_BANNER_LOG_LINES = 6


class RunHeader(Vertical):
    """One line of state; below it a banner when the run failed or died."""

    DEFAULT_CSS = """
    RunHeader {
        height: auto;
        & > #status-line { height: 1; }
        & > #banner {
            display: none;
            height: auto;
            max-height: 9;
            padding: 0 1;
            border-left: thick $error;
            background: $error 10%;
        }
        & > #banner.-shown { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="run-header")
        self._status = Lines(id="status-line")
        self._banner = Lines(id="banner")
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._banner

    def show(self, snapshot: Snapshot) -> None:
        """Takes a new snapshot; redraws only what reads differently."""
        self._snapshot = snapshot
        self._status.set_lines([status_line(snapshot, self.size.width or 80)])
        lines = tuple(banner_lines(snapshot, compact=self.app.size.height < 32))
        if lines != self._banner.lines:
            self._banner.set_class(bool(lines), "-shown")
            self._banner.styles.height = max(1, len(lines))
            self._banner.set_lines(lines)

    def on_resize(self) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot)

    @property
    def text(self) -> str:
        """The status line without its colours."""
        return "".join(span for span, _ in self._status.lines[0]) if self._status.lines else ""


def status_line(snapshot: Snapshot, width: int) -> Line:
    """The line in at most `width` cells; the least important parts go first where it is narrow."""
    progress, state = snapshot.progress, snapshot.state
    tone = STATE_TONES.get(state, "")
    left: list[Span] = [
        (" " + fit(snapshot.name, min(cell_len(snapshot.name), max(8, width // 4))), "strong"),
        (f"  {state_glyph(state)} {state_word(state, snapshot.reason)}", tone),
    ]
    if snapshot.live and state != "queued" and progress.step == 0 and snapshot.reason:
        word = f": {snapshot.reason} …"
        left.append((fit(word, min(cell_len(word), max(8, width - _cells(left) - 1))), tone))
    elif progress.epochs:
        left.append((f"  epoch {progress.epoch_text}", ""))
    right = _figures(progress, live=snapshot.live)
    share = f" {progress.share * 100:3.0f} %"
    while right and _cells(left) + _cells(right) + len(share) + 10 > width:
        right.pop()
    bar_width = width - _cells(left) - _cells(right) - len(share) - 2
    line = list(left)
    if bar_width >= 6:
        line += _bar(progress.share, bar_width - 2, tone or "accent")
    if bar_width >= 0:
        line.append((share, ""))
    return (*line, *right)


def banner_lines(snapshot: Snapshot, *, compact: bool = False) -> list[Line]:
    """Why the run ended badly, the end of its log, and what to press; empty otherwise."""
    if snapshot.trouble:
        return [((snapshot.trouble, "bad"),)]
    if snapshot.state not in ("failed", "died"):
        return []
    why = {
        "failed": "The training failed",
        "died": "The worker vanished without a word (killed, out of memory, or a reboot)",
    }[snapshot.state]
    reason = f": {snapshot.reason}" if snapshot.reason else ""
    log = snapshot.worker_log[-(3 if compact else _BANNER_LOG_LINES) :]
    lines: list[Line] = [((f"{state_glyph(snapshot.state)} {why}{reason}", "bad"),)]
    lines += [(("  " + text, "dim"),) for text in log]
    lines.append((("r", "accent"), (" resumes it from the last checkpoint   ", ""), *_LOG_HINT))
    return lines


_LOG_HINT: tuple[Span, ...] = (("8", "accent"), (" shows its log", ""))


def _figures(progress: Progress, *, live: bool) -> list[Span]:
    figures: list[Span] = []
    if live and math.isfinite(progress.remaining_s):
        figures.append((f"  ETA {duration(progress.remaining_s)}", ""))
    elif math.isfinite(progress.elapsed_s):
        figures.append((f"  took {duration(progress.elapsed_s)}", "dim"))
    if live and math.isfinite(progress.samples_per_s):
        figures.append((f"  {rate(progress.samples_per_s)} samples/s", ""))
    if progress.device:
        figures.append((f"  {progress.device}", "dim"))
    if live and math.isfinite(progress.temperature_c):
        figures.append((f" {progress.temperature_c:.0f} °C", "dim"))
    return figures


def _bar(share: float, width: int, tone: str) -> list[Span]:
    glyphs = terminal_glyphs()
    halves = round(share * width * 2)
    done = glyphs.bar_full * (halves // 2) + glyphs.bar_half * (halves % 2)
    return [("  ", ""), (done, tone), (glyphs.bar_empty * (width - len(done)), "dim")]


def _cells(spans: list[Span]) -> int:
    return sum(cell_len(text) for text, _ in spans)
