"""What is wrong with a file, one finding a line; Enter goes to the tensor it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message

from dltui.charts.glyphs import terminal_glyphs
from dltui.inspect.visible import visible
from dltui.ui.panes.lines import Line, Lines, fit

if TYPE_CHECKING:
    from dltui.inspect.findings import Finding

_SIGNS = {"error": ("✗", "!!", "bad"), "warning": ("▲", "!", "warning"), "note": ("·", ".", "dim")}
"""Severity → glyph, the same in ASCII, tone."""


class FindingList(Lines, can_focus=True):
    """Findings in the order of their weight; the cursor's tensor is shown in the tree."""

    DEFAULT_CSS = "FindingList { height: 1fr; overflow-y: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="findings-up"),
        Binding("down,j", "move(1)", "Down", show=False, id="findings-down"),
        Binding("home", "move(-1000000000)", "First", show=False, id="findings-first"),
        Binding("end", "move(1000000000)", "Last", show=False, id="findings-last"),
        Binding("enter", "choose", "Look", show=False, tooltip="At its tensor", id="findings-look"),
    ]

    @dataclass
    class Chosen(Message):
        """The cursor is on a finding; `opened`: Enter was pressed."""

        finding: Finding
        opened: bool

    def __init__(self) -> None:
        super().__init__(id="finding-list")
        self.findings: tuple[Finding, ...] = ()
        self.cursor = 0
        self._is_visited = False
        self.word = ""
        """What stands there while there are no findings."""
        self.glyphs = terminal_glyphs()

    @property
    def count(self) -> int:
        return len(self.findings) or 1

    def show(self, findings: Sequence[Finding], word: str) -> None:
        """Other findings; the cursor stays on the one it is on."""
        former = self.findings[self.cursor] if self.findings else None
        self.findings, self.word = tuple(findings), word
        same = [place for place, each in enumerate(self.findings) if each == former]
        self.cursor = same[0] if same else 0
        self._is_visited = self._is_visited and bool(same)
        self._measure()
        self.refresh()

    def step(self, by: int) -> None:
        """To the next finding or the one before, round the end; the first time to the first."""
        if self.findings:
            self._go((self.cursor + by) % len(self.findings) if self._is_visited else self.cursor)

    def action_move(self, by: int) -> None:
        self._go(min(max(self.cursor + by, 0), len(self.findings) - 1))

    def action_choose(self) -> None:
        if self.findings:
            self.post_message(self.Chosen(self.findings[self.cursor], opened=True))

    def on_click(self, event: events.Click) -> None:
        place = event.y + round(self.scroll_offset.y)
        if place < len(self.findings):
            self._go(place)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _go(self, place: int) -> None:
        if not self.findings:
            return
        self.cursor, self._is_visited = place, True
        top, height = round(self.scroll_offset.y), max(1, self.size.height)
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False)
        self.refresh(Region(0, 0, self.size.width, self.size.height))
        self.post_message(self.Chosen(self.findings[place], opened=False))

    def line_at(self, index: int) -> Line:
        if not self.findings:
            return ((self.word, "dim"),)
        finding = self.findings[index]
        glyph, ascii_glyph, tone = _SIGNS[finding.severity]
        sign = f"{glyph if self.glyphs.braille else ascii_glyph} {finding.severity:<8}"
        width = self.scrollable_content_region.width
        name = visible(finding.tensor, 200)
        told = visible(finding.message, 400)
        if name and not told.startswith(name):
            told = f"{name}: {told}"
        told = fit(told, max(4, width - cell_len(sign)))
        if index == self.cursor and self.has_focus:
            return ((sign + told, "chosen"),)
        return ((sign, tone), (told, ""))


def counted(findings: Sequence[Finding]) -> str:
    """`1 error · 3 warnings · 2 notes`, what there is of it."""
    said = []
    for severity in ("error", "warning", "note"):
        count = sum(finding.severity == severity for finding in findings)
        if count:
            said.append(f"{count:,} {severity}{'s' if count > 1 else ''}")
    return " · ".join(said)


class FindingsPanel(Vertical):
    """The findings with how many there are, and what has been checked for them."""

    DEFAULT_CSS = "FindingsPanel { height: 3; }"

    def __init__(self) -> None:
        super().__init__(id="findings", classes="panel")
        self.list = FindingList()

    def on_mount(self) -> None:
        self.border_title = "findings"

    async def fill(self) -> None:
        """Mounts the list; the frame alone is in the first picture of the screen."""
        await self.mount(self.list)

    def show(self, findings: Sequence[Finding], checked: str) -> None:
        """Shows what was found; `checked` says what was looked at so far."""
        said = counted(findings)
        self.border_title = Content(f"findings · {said}" if said else "findings")
        self.list.show(findings, "nothing found")
        self.note(checked)
        self.fit()

    def on_descendant_focus(self) -> None:
        self.fit()

    def on_descendant_blur(self) -> None:
        self.fit()

    def fit(self) -> None:
        """Takes the rows it needs: a few, and up to 2 of 5 of the screen while it has the focus."""
        rows = self.app.size.height
        quiet = 1 if rows < 30 else 3 if rows < 44 else 5
        most = max(quiet, rows * 2 // 5) if self.has_focus_within else quiet
        wanted = 2 + min(max(1, len(self.list.findings)), most)
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def note(self, checked: str) -> None:
        """What was looked at so far."""
        self.border_subtitle = Content(checked)
