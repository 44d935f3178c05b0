"""Text sampled from a language model, step by step."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult

from dltui.charts.numbers import format_value
from dltui.ui.panes.confusion import SCRUB, EvaluationWanted, scrubbed
from dltui.ui.panes.lines import Line, Lines
from dltui.ui.panes.pane import Pane
from dltui.ui.snapshot import Snapshot, TextAt


class TextsPane(Pane):
    """The newest sample; `<` and `>` go back to what the model wrote before."""

    pane_title = "samples"
    topic = "samples"
    hint = "< > earlier and later samples"
    BINDINGS = SCRUB

    def __init__(self) -> None:
        super().__init__(id="outcomes")
        self.page = Lines(id="text-page")
        self.page.can_focus = True
        self._shown: TextAt | None = None
        self._perplexity: float | None = None

    def compose(self) -> ComposeResult:
        yield self.page

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.text
        if at is None:
            self.wait_while(
                snapshot,
                "waiting for the first evaluation, which samples text",
                "this run has no sampled text",
            )
            self._shown = None
            return
        perplexity = perplexity_at(snapshot, at.steps[at.index])
        if at is not self._shown or perplexity != self._perplexity:
            self.wait_for(None)
            self._shown, self._perplexity = at, perplexity
            known = f" · perplexity {format_value(perplexity)}" if perplexity is not None else ""
            self.name_as(
                f"samples · step {at.steps[at.index]:,} · {at.index + 1}/{len(at.steps)}{known}"
            )
            self._write()

    def on_resize(self) -> None:
        self._write()

    def action_scrub(self, by: int) -> None:
        if self._shown is not None:
            index = scrubbed(self._shown.index, len(self._shown.steps), by)
            self.post_message(EvaluationWanted(index))

    def readings(self) -> list[str]:
        if self._shown is None:
            return ["No text has been sampled yet."]
        return [
            f"At step {self._shown.steps[self._shown.index]:,} and temperature "
            f"{self._shown.temperature:g} the model went on from {self._shown.prompt!r}:",
            *self._shown.samples[:1],
        ]

    def _write(self) -> None:
        at, width = self._shown, max(10, self.page.size.width - 1)
        if at is None:
            return
        lines: list[Line] = []
        for number, sample in enumerate(at.samples):
            if number:
                lines.append((("─" * min(width, 24), "dim"),))
            lines += wrapped(at.prompt, sample, width)
        self.page.set_lines(lines)


def perplexity_at(snapshot: Snapshot, step: int) -> float | None:
    """The validation's perplexity when the text was sampled; None before the first evaluation."""
    curve = snapshot.curves.get("val/perplexity")
    if curve is None:
        return None
    return next(
        (
            value
            for at, value in zip(
                curve.steps[::-1].tolist(), curve.values[::-1].tolist(), strict=True
            )
            if at <= step
        ),
        None,
    )


def wrapped(prompt: str, text: str, width: int) -> list[Line]:
    """The text in lines of at most `width` cells; the prompt is toned apart from what follows."""
    lines: list[Line] = []
    spans: list[tuple[str, str]] = []
    used = 0
    for part, tone in ((prompt, "accent"), (text, "")):
        for number, piece in enumerate(part.split("\n")):
            if number:
                lines.append(tuple(spans))
                spans, used = [], 0
            while piece:
                cut = _cut(piece, width - used)
                if cut:
                    spans.append((piece[:cut], tone))
                    used += cell_len(piece[:cut])
                piece = piece[cut:]
                if piece:
                    lines.append(tuple(spans))
                    spans, used = [], 0
    lines.append(tuple(spans))
    return lines


def _cut(text: str, width: int) -> int:
    """How many characters fit in `width` cells."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return index
    return len(text)
