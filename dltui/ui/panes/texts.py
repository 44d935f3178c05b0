"""Text sampled from a language model, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from dltui.charts.numbers import format_value
from dltui.ui.panes.lines import Line, Lines, Span
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import Snapshot, TextAt


class TextsPane(OutcomePane):
    """The newest sample; `<` and `>` go back to what the model wrote before."""

    pane_title = "sampled text"
    topic = "samples"
    hint = "< > steps"
    kind = "text"
    BINDINGS = [
        Binding(
            "t",
            "change_temperature",
            "Temperature",
            show=False,
            tooltip="Sample at another temperature, also while it trains",
            id="text-temperature",
        )
    ]

    @dataclass
    class TemperatureWanted(Message):
        """Another temperature is asked for; `now` is that of the newest sample."""

        now: float

    def __init__(self) -> None:
        super().__init__()
        self.page = Lines(id="text-page")
        self.page.can_focus = True
        self._shown: TextAt | None = None
        self._perplexity: float | None = None
        self._can_set = False

    def compose(self) -> ComposeResult:
        yield self.page

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.text
        self._allow_temperature("temperature" in snapshot.settable and snapshot.live)
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
            self.name_as(f"text · {self.show_moment(at.steps, at.index)}{known}")
            if at.temperature == at.temperature:
                self.note_below(f"temperature {at.temperature:g} · {self.rail}".removesuffix(" · "))
            self._write()

    def on_resize(self) -> None:
        self._write()

    def action_change_temperature(self) -> None:
        if self._can_set:
            now = self._shown.temperature if self._shown is not None else float("nan")
            self.post_message(self.TemperatureWanted(now))
        else:
            self.app.notify(
                "only a live run whose task samples text can change its temperature", timeout=4
            )

    def _allow_temperature(self, can_set: bool) -> None:
        if can_set != self._can_set:
            self._can_set = can_set
            self._write_below()

    def _hint(self) -> str:
        if not self._can_set:
            return super()._hint()
        return f"t {'changes it' if self._shown else 'temperature'} · {super()._hint()}"

    def readings(self) -> list[str]:
        if self._shown is None:
            return ["No text has been sampled yet."]
        return [
            f"At step {self._shown.steps[self._shown.index]:,} and temperature "
            f"{self._shown.temperature:g} the model went on from {self._shown.prompt!r}:",
            *self._shown.samples[:1],
        ]

    def _write(self) -> None:
        at, width = self._shown, max(10, self.content_size.width - 1)
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
    return wrapped_spans(((prompt, "accent"), (text, "")), width)


def wrapped_spans(parts: Iterable[Span], width: int) -> list[Line]:
    """Spans that go on from each other, in lines of at most `width` cells."""
    lines: list[Line] = []
    spans: list[Span] = []
    used = 0
    for part, tone in parts:
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
