"""Two checkpoints beside each other: what is new, gone or other, and how far the values moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from dltui.inspect.visible import visible
from dltui.ui.inspect.comparison import Comparing, Comparison
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.lines import Lines, fit_end
from dltui.ui.panes.long_table import LongTable
from dltui.ui.panes.table import Column, Table
from dltui.ui.widgets.size_guard import SizeGuard

if TYPE_CHECKING:
    from dltui.inspect.diff import Difference

DIFF_KEYS: list[BindingType] = [
    Binding("i", "inspect(0)", "Inspect first", tooltip="Look into the first file", id="diff-a"),
    Binding("I", "inspect(1)", "Second", tooltip="Look into the second file", id="diff-b"),
    Binding("o", "sort", "Sort", tooltip="By the next column", id="diff-sort"),
    Binding("s", "stop", "Stop", show=False, tooltip="Compare no further", id="diff-stop"),
    Binding("y", "copy", "Copy", tooltip="The command that shows the same", id="diff-copy"),
    Binding("question_mark", "show_help", "Help", key_display="?", id="diff-help"),
    Binding("q,escape", "leave", "Back", tooltip="Leave the comparison", id="diff-leave"),
]


class DiffScreen(Screen[None]):
    """Compares `a` with `b`. As the first screen it ends with code 0 for the same, else 1."""

    DEFAULT_CSS = """
    DiffScreen {
        layout: vertical;
        & > #diff-header { height: 1; background: $surface; }
        & > #diff-counts { height: 1; padding: 0 1; }
        & > .panel { height: 1fr; }
        & #diff-words { height: auto; max-height: 6; min-height: 3; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = DIFF_KEYS

    @dataclass
    class Told(Message):
        """The comparison is further, or done."""

        comparison: Comparison

        def can_replace(self, message: Message) -> bool:
            """Only the newest progress is worth drawing; what has an end is never dropped."""
            return isinstance(message, DiffScreen.Told) and message.comparison.a is None

    def __init__(self, a: Path, b: Path) -> None:
        super().__init__()
        self.paths = (a, b)
        self.difference: Difference | None = None
        self.problem = ""
        self._comparing = Comparing(a, b, lambda found: self._tell(found))

    def compose(self) -> ComposeResult:
        yield Lines(id="diff-header")
        yield Lines(id="diff-counts")
        with Vertical(classes="panel") as panel:
            panel.border_title = "differences"
            yield LongTable((Column("tensor", 0),), id="diff-table")
        with Vertical(classes="panel", id="diff-words") as words:
            words.border_title = "in words"
            yield Lines(id="diff-sentences")
        yield KeyLine([key for key in DIFF_KEYS if isinstance(key, Binding)])
        yield SizeGuard()

    def on_mount(self) -> None:
        self._draw_header()
        self._say("opening both files …")
        self.query_one(LongTable).focus()
        self._comparing.start()

    def on_unmount(self) -> None:
        self._comparing.stop()

    def on_resize(self) -> None:
        self._draw_header()
        self._draw()

    def _draw_header(self) -> None:
        """Both paths, of which the ends are what tells them apart."""
        room = max(8, (self.app.size.width - 14) // 2)
        a, b = (visible(str(path), 400) for path in self.paths)
        shown = [fit_end(text, min(room, cell_len(text))) for text in (a, b)]
        self.query_one("#diff-header", Lines).set_lines(
            [((" diff  ", "dim"), (shown[0], "strong"), ("  →  ", "dim"), (shown[1], "strong"))]
        )

    def _tell(self, found: Comparison) -> None:
        if self.is_attached:
            self.post_message(self.Told(found))

    @on(Told)
    def take(self, event: Told) -> None:
        found = event.comparison
        if found.problem:
            self.problem = found.problem
            if self.app.screen_stack[0] is self:
                self.app.exit(return_code=2, message=found.problem.replace("[", r"\["))
            else:
                self._say(found.problem, "bad")
        elif found.difference is not None:
            self.difference = found.difference
            self._draw()
        elif found.all_bytes:
            self._say(f"comparing … {found.done_bytes / found.all_bytes:.0%} · s stop")

    def _say(self, text: str, tone: str = "dim") -> None:
        self.query_one("#diff-counts", Lines).set_lines([((text, tone),)])

    def _draw(self) -> None:
        found = self.difference
        if found is None:
            return
        from dltui.ui.inspect.diff_rows import columns, counts_words, difference_rows

        same = "the two files agree in every name, shape, type and value"
        self._say(same if found.is_same else counts_words(found), "good" if found.is_same else "")
        table = self.query_one(LongTable)
        width = self.app.size.width - 4
        table.set_columns(columns(width))
        table.set_rows(difference_rows(found, width))
        self._describe(table.cursor_key)

    @on(Table.RowChosen)
    def describe(self, event: Table.RowChosen) -> None:
        self._describe(event.key)

    def _describe(self, key: str | None) -> None:
        if self.difference is None or key is None:
            return
        from dltui.ui.inspect.diff_rows import in_words

        self.query_one("#diff-sentences", Lines).set_lines(in_words(self.difference, key))

    def action_sort(self) -> None:
        self.query_one(LongTable).action_sort_next()

    def action_stop(self) -> None:
        self._comparing.stop()

    def action_inspect(self, which: int) -> None:
        from dltui.ui.inspect.opening import Opening
        from dltui.ui.inspect.screen import InspectScreen

        name = (self.query_one(LongTable).cursor_key or "").partition(":")[2]
        if which and self.difference is not None:
            renamed = {change.name: change.name_b for change in self.difference.changed}
            name = renamed.get(name, name)
        self.app.push_screen(InspectScreen(Opening(self.paths[which]), go_to=name))

    def action_copy(self) -> None:
        import shlex

        text = shlex.join(["dltui", "diff", *map(str, self.paths)])
        self.app.copy_to_clipboard(text)
        self.app.notify(f"copied: {text}", markup=False, timeout=4)

    def action_show_help(self) -> None:
        from dltui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen.of(self))

    def action_leave(self) -> None:
        if self.app.screen_stack[0] is self:
            same = self.difference is not None and self.difference.is_same
            self.app.exit(return_code=0 if same else 1)
        else:
            self.dismiss(None)
