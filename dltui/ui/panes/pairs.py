"""Source, truth and what the model made of it, as texts beside or below each other."""

from __future__ import annotations

from difflib import SequenceMatcher

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding

from dltui.charts.glyphs import terminal_glyphs
from dltui.ui.panes.lines import Line, Lines, Span, fit
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.panes.texts import wrapped_spans
from dltui.ui.snapshot import PairsAt, Snapshot

_COMPARED = 400
"""Texts longer than so many characters are not compared letter by letter."""
_TRUTH, _OUTPUT = "truth", "output"


class PairsPane(OutcomePane):
    """The newest pairs, letters that are wrong toned apart; `o` puts the wrong ones first."""

    pane_title = "pairs"
    topic = "pairs"
    hint = "< > steps · o wrong first"
    kind = "pairs"
    BINDINGS = [
        Binding(
            "o",
            "toggle_order",
            "Wrong first",
            show=False,
            tooltip="Put the wrong ones first, or back in their own order",
            id="pairs-order",
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        self.page = Lines(fixed=1, id="pairs-page")
        self.page.can_focus = True
        self.wrong_first = False
        self._shown: PairsAt | None = None

    def compose(self) -> ComposeResult:
        yield self.page

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.pairs
        if at is None:
            self.wait_while(
                snapshot,
                "waiting for the first evaluation, which leaves pairs of text",
                "this run has no pairs of text",
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            right, judged = _right(at)
            share = f" · {right}/{judged} right" if judged else ""
            self.name_as(f"{at.pairs.title}{share} · {self.show_moment(at.steps, at.index)}")
            self._write()

    def on_resize(self) -> None:
        self.call_after_refresh(self._write)

    def action_toggle_order(self) -> None:
        self.wrong_first = not self.wrong_first
        self._write()

    def readings(self) -> list[str]:
        at = self._shown
        if at is None:
            return ["There are no pairs yet."]
        right, judged = _right(at)
        lines = [f"{right} of {judged} are right at step {at.steps[at.index]:,}."]
        for row, good in list(zip(at.pairs.rows, at.pairs.good, strict=True))[:4]:
            verdict = {True: "right", False: "wrong", None: "not judged"}[good]
            parts = zip(at.pairs.columns, row, strict=True)
            lines.append(f"{verdict}: " + ", ".join(f"{name} {text!r}" for name, text in parts))
        return lines

    def _write(self) -> None:
        at, width = self._shown, self.content_size.width - 1
        if at is None or width < 12:
            return
        rows = list(zip(at.pairs.rows, at.pairs.good, strict=True))
        if self.wrong_first:
            rows.sort(key=lambda row: row[1] is not False)
        self.page.set_lines(pair_lines(at.pairs.columns, rows, width))


def pair_lines(
    columns: tuple[str, ...], rows: list[tuple[tuple[str, ...], bool | None]], width: int
) -> list[Line]:
    """A table where every text fits its column, else the texts of a row below each other."""
    needed = [
        max([cell_len(name), *(cell_len(row[place]) for row, _ in rows)])
        for place, name in enumerate(columns)
    ]
    has_lines = any("\n" in text for row, _ in rows for text in row)
    if sum(needed) + 2 * len(needed) <= width and not has_lines:
        return _table(columns, rows, needed)
    return _stacked(columns, rows, width)


def _table(
    columns: tuple[str, ...], rows: list[tuple[tuple[str, ...], bool | None]], needed: list[int]
) -> list[Line]:
    header = "  " + "  ".join(map(fit, columns, needed))
    lines: list[Line] = [((header, "header"),)]
    for row, good in rows:
        spans: list[Span] = [_verdict(good)]
        for place, name in enumerate(columns):
            text = row[place]
            parts = _compared(text, _truth(columns, row)) if name == _OUTPUT else [(text, "")]
            spans += [*parts, (" " * (needed[place] - cell_len(text) + 2), "")]
        lines.append(tuple(spans))
    return lines


def _stacked(
    columns: tuple[str, ...], rows: list[tuple[tuple[str, ...], bool | None]], width: int
) -> list[Line]:
    names = max(map(cell_len, columns), default=0)
    lines: list[Line] = [((f"  {' · '.join(columns)}", "header"),)]
    for row, good in rows:
        for place, name in enumerate(columns):
            text = row[place]
            parts = _compared(text, _truth(columns, row)) if name == _OUTPUT else [(text, "")]
            first: tuple[Span, ...] = (
                _verdict(good) if place == 0 else ("  ", ""),
                (fit(name, names) + "  ", "dim"),
            )
            for number, line in enumerate(wrapped_spans(parts, max(8, width - names - 4))):
                indent = first if number == 0 else ((" " * (names + 4), ""),)
                lines.append((*indent, *line))
        lines.append(())
    return lines


def _verdict(good: bool | None) -> Span:
    fancy = terminal_glyphs().braille
    if good is None:
        return "  ", ""
    if good:
        return ("✓ " if fancy else "+ "), "good"
    return ("✗ " if fancy else "x "), "bad"


def _truth(columns: tuple[str, ...], row: tuple[str, ...]) -> str | None:
    return row[columns.index(_TRUTH)] if _TRUTH in columns else None


def _compared(output: str, truth: str | None) -> list[Span]:
    """The output in pieces; what is not in the truth is toned `warning`."""
    if truth is None or output == truth or max(len(output), len(truth)) > _COMPARED:
        return [(output, "")]
    spans: list[Span] = []
    matcher = SequenceMatcher(None, truth, output, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        if end > start:
            spans.append((output[start:end], "" if kind == "equal" else "warning"))
    return spans or [("", "")]


def _right(at: PairsAt) -> tuple[int, int]:
    """How many are right, and how many were judged."""
    judged = [good for good in at.pairs.good if good is not None]
    return sum(judged), len(judged)
