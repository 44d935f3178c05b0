"""A checkpoint on the screen: its module tree, and what the cursor is on in detail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from dltui.errors import DltuiError, UsageError
from dltui.inspect.selection import Selection
from dltui.ui.inspect.details import Details
from dltui.ui.inspect.header import header_line
from dltui.ui.inspect.keys import INSPECT_KEYS
from dltui.ui.inspect.module_tree import ModuleTree
from dltui.ui.inspect.opening import OpenedFile, Opening
from dltui.ui.inspect.rows import Outline
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.lines import Lines
from dltui.ui.widgets.size_guard import SizeGuard

ONE_PANE_BELOW = 72
"""Columns below which tree and details take turns."""


class InspectScreen(Screen[None]):
    """Explores the file that `opening` opens."""

    # Not CSS_PATH: Textual would read that only when the screen is pushed, not as the first one.
    DEFAULT_CSS = Path(__file__).with_name("inspect.tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False
    BINDINGS = INSPECT_KEYS

    @dataclass
    class FileOpened(Message):
        """The file is open, or is none."""

        file: OpenedFile | None
        problem: str = ""

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self.opening = opening
        self.file: OpenedFile | None = None
        self.outline: Outline | None = None
        self.tree_widget = ModuleTree(id="module-tree")
        self.details = Details()

    # Layout

    def compose(self) -> ComposeResult:
        yield Lines(id="inspect-header")
        yield Lines(id="inspect-notice")
        with Horizontal(id="inspect-body"):
            with Vertical(id="tree-panel", classes="panel") as panel:
                panel.border_title = "modules"
                yield self.tree_widget
            yield self.details
        yield KeyLine([key for key in INSPECT_KEYS if isinstance(key, Binding)])
        yield SizeGuard()

    def on_mount(self) -> None:
        file = self.opening.result(0)
        if file is not None:
            self._take(file)
        else:
            self.query_one("#inspect-header", Lines).set_lines([((" reading the file …", "dim"),)])
            self._wait_for_file()
        self.tree_widget.focus()

    @work(thread=True, exclusive=True, group="opening")
    def _wait_for_file(self) -> None:
        try:
            self.post_message(self.FileOpened(self.opening.result()))
        except DltuiError as error:
            self.post_message(self.FileOpened(None, str(error)))

    @on(FileOpened)
    def take_file(self, event: FileOpened) -> None:
        if event.file is not None:
            self._take(event.file)
        elif self.app.screen_stack[0] is self:
            self.app.exit(return_code=2, message=event.problem.replace("[", r"\["))
        else:
            self.app.notify(event.problem, severity="error", timeout=10, markup=False)
            self.dismiss(None)

    def _take(self, file: OpenedFile) -> None:
        self.file = file
        self.outline = Outline(file.path.name, file.root, lambda: file.unfolded_root)
        self.outline.open_while_it_fits(max(8, self.app.size.height - 6))
        self._draw_header()
        self.details.open_file(file)
        self.tree_widget.show(self.outline)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < ONE_PANE_BELOW, "-one-pane")
        self._draw_header()

    def _draw_header(self) -> None:
        if self.file is not None:
            tensors = f"{len(self.file.checkpoint.tensors):,} tensors"
            line = header_line(self.file, tensors, "", self.app.size.width)
            self.query_one("#inspect-header", Lines).set_lines([line])

    # The tree

    @on(ModuleTree.RowShown)
    def show_row(self, event: ModuleTree.RowShown) -> None:
        if self.file is not None:
            self.details.show(event.row)

    @on(ModuleTree.TensorOpened)
    def look_at_tensor(self) -> None:
        if self.has_class("-one-pane"):
            self.add_class("-zoomed")
        self.details.focus_inside()

    def action_go_to(self, number: int) -> None:
        self.details.open(number - 1)

    def action_toggle_zoom(self) -> None:
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self.details.focus_inside()
        else:
            self.tree_widget.focus()

    # Finding

    async def action_open_filter(self) -> None:
        found = self.query("#tensor-filter")
        if not found:
            field = Input(
                placeholder="conv dtype:bf16 >1M shape:64,*", id="tensor-filter", classes="field"
            )
            await self.query_one("#tree-panel").mount(field, before=0)
        field = self.query_one("#tensor-filter", Input)
        self.remove_class("-zoomed")
        field.add_class("-shown")
        # At once, styles or not: what is typed next belongs into the field.
        field.display = True
        self.set_focus(field)

    @on(Input.Changed, "#tensor-filter")
    def filter_tensors(self, event: Input.Changed) -> None:
        if self.outline is None or self.file is None:
            return
        panel = self.query_one("#tree-panel")
        try:
            self.outline.selection = Selection.parse(event.value)
        except UsageError as error:
            panel.border_subtitle = Content(error.message)
            return
        count = len(self.outline.selection.of(self.file.checkpoint.tensors))
        panel.border_subtitle = Content(f"{count:,} found" if event.value.strip() else "")
        self.tree_widget.show_rows()

    @on(Input.Submitted, "#tensor-filter")
    def leave_filter(self) -> None:
        """Goes to the first tensor that was found."""
        self.tree_widget.focus()
        first = next((row for row in self.tree_widget.rows if row.tensor is not None), None)
        if first is not None:
            self.tree_widget.go_to(first.key)

    def action_leave_field(self) -> None:
        """Closes the filter, or leaves the zoom, or goes back to the tree."""
        for field in self.query("#tensor-filter").results(Input):
            if field.display:
                field.value = ""
                field.remove_class("-shown")
                field.display = False
        self.remove_class("-zoomed")
        self.tree_widget.focus()

    # Leaving

    def action_show_help(self) -> None:
        from dltui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen.of(self))

    def action_leave(self) -> None:
        if self.app.screen_stack[0] is self:
            self.app.exit()
        else:
            self.dismiss(None)
