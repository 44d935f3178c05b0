"""A checkpoint on the screen: its module tree, what the cursor is on in detail, and findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from dltui.errors import DltuiError
from dltui.inspect.tree import walk
from dltui.ui.inspect.details import Details
from dltui.ui.inspect.findings import FindingsPanel
from dltui.ui.inspect.header import header_line
from dltui.ui.inspect.keys import ENTER, FIRST_TO_GO, INSPECT_KEYS
from dltui.ui.inspect.module_tree import ModuleTree
from dltui.ui.inspect.opening import OpenedFile, Opening
from dltui.ui.inspect.problems import Problems
from dltui.ui.inspect.rows import Outline
from dltui.ui.inspect.wording import file_title
from dltui.ui.panes.key_line import KeyLine
from dltui.ui.panes.lines import Lines
from dltui.ui.widgets.size_guard import SizeGuard

if TYPE_CHECKING:
    from dltui.ui.inspect.study import Study

ONE_PANE_BELOW = 72
"""Columns below which tree and details take turns."""
_LOOK_AGAIN_S = 2.0


class InspectScreen(Problems):
    """Explores the file that `opening` opens."""

    # Not CSS_PATH: Textual would read that only when the screen is pushed, not as the first one.
    DEFAULT_CSS = Path(__file__).with_name("inspect.tcss").read_text(encoding="utf-8")
    SCOPED_CSS = False
    BINDINGS = INSPECT_KEYS
    AUTO_FOCUS = ""

    @dataclass
    class FileOpened(Message):
        """The file is open, or is none."""

        file: OpenedFile | None
        problem: str = ""

    @dataclass
    class FileStudied(Message):
        """More is known of the file than what is in it."""

        file: OpenedFile
        study: Study

    def __init__(self, opening: Opening, *, go_to: str = "") -> None:
        """`go_to` is the tensor that the cursor begins at, if there is one of that name."""
        super().__init__()
        self.opening = opening
        self._go_to = go_to
        self.tree_widget = ModuleTree(id="module-tree")
        self.details = Details()
        self.findings = FindingsPanel()
        self.is_filled = False

    # Layout

    def compose(self) -> ComposeResult:
        yield Lines(id="inspect-header")
        with Horizontal(id="inspect-body"):
            with Vertical(id="tree-panel", classes="panel") as panel:
                panel.border_title = "modules"
                yield self.tree_widget
            yield self.details
        yield self.findings
        yield Container(id="inspect-keys")

    def on_mount(self) -> None:
        self._begin()
        self.tree_widget.focus()
        # The first frame shows the tree: what stands around it takes as long to mount again.
        self.call_after_refresh(self._fill)
        self.set_interval(_LOOK_AGAIN_S, self._look_for_change)

    def _begin(self) -> None:
        """Shows the file if it is open already, else says that it is being read."""
        try:
            file = self.opening.result(0)
        except DltuiError as error:
            self.post_message(self.FileOpened(None, str(error)))
            return
        if file is not None:
            self._take(file)
            return
        self.query_one("#inspect-header", Lines).set_lines([((" reading the file …", "dim"),)])
        self.wait_for_file()

    async def _fill(self) -> None:
        find, *others = (key for key in INSPECT_KEYS if isinstance(key, Binding))
        key_line = KeyLine([find, ENTER, *others], first_to_go=FIRST_TO_GO)
        with self.app.batch_update():
            await self.details.fill()
            await self.findings.fill()
            await self.query_one("#inspect-keys").mount(key_line)
            await self.mount(
                Static(id="inspect-notice", markup=False), after=self.query_one("#inspect-header")
            )
            await self.mount(SizeGuard())
        self.is_filled = True
        if self.file is not None:
            self._study(self.file)

    def wait_for_file(self) -> None:
        """Shows the file that `opening` opens as soon as it is open."""
        self._await()

    @work(thread=True, exclusive=True, group="opening")
    def _await(self) -> None:
        try:
            self.post_message(self.FileOpened(self.opening.result()))
        except DltuiError as error:
            self.post_message(self.FileOpened(None, str(error)))

    @on(FileOpened)
    def take_file(self, event: FileOpened) -> None:
        if event.file is not None:
            self._take(event.file)
        elif self.file is not None:
            self.app.notify(event.problem, severity="error", timeout=10, markup=False)
        elif self.app.screen_stack[0] is self:
            self.app.exit(return_code=2, message=event.problem.replace("[", r"\["))
        else:
            self.app.notify(event.problem, severity="error", timeout=10, markup=False)
            self.dismiss(None)

    def _take(self, file: OpenedFile) -> None:
        """Shows the file; opened again, the cursor stays on the same name if it is still there."""
        self.end_scan()
        key = self.tree_widget.row.key if self.tree_widget.row is not None else None
        self.file, self.study = file, None
        self.outline = Outline(file_title(file.path), file.root, lambda: file.unfolded_root)
        self.outline.open_while_it_fits(max(8, self.app.size.height - 6))
        self.draw_header()
        for notice in self.query("#inspect-notice"):
            notice.remove_class("-shown")
        self.details.open_file(file)
        self.tree_widget.show(self.outline)
        if key is not None:
            self.go_to_key(key)
        elif self._go_to:
            self.go_to_tensor(self._go_to)
        # Not before the first frame: names of 20,000 tensors are looked at several times.
        if self.is_filled:
            self._study(file)

    @work(thread=True, exclusive=True, group="study")
    def _study(self, file: OpenedFile) -> None:
        from dltui.ui.inspect.study import studied

        self.post_message(self.FileStudied(file, studied(file)))
        # A filter looks through every block by itself: found while nobody waits for it.
        for _ in walk(file.unfolded_root):
            pass

    @on(FileStudied)
    def take_study(self, event: FileStudied) -> None:
        if event.file is self.file:
            self.study = event.study
            self.draw_header()
            self.details.know(event.study)
            self.begin_findings()

    def on_unmount(self) -> None:
        self.end_scan()

    @work(thread=True, exclusive=True, group="change")
    def _look_for_change(self) -> None:
        file = self.file
        if file is not None and self.is_filled and file.has_changed() and self.app.is_running:
            self.app.call_from_thread(self._tell_change, file)

    def _tell_change(self, file: OpenedFile) -> None:
        notice = self.query_one("#inspect-notice", Static)
        if file is self.file and not notice.has_class("-shown"):
            notice.update(f"▲ {file.change_words}")
            notice.add_class("-shown")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < ONE_PANE_BELOW, "-one-pane")
        self.findings.fit()
        self.draw_header()

    def draw_header(self) -> None:
        """Writes the first line anew."""
        if self.file is not None:
            line = header_line(self.file, self.study, self.app.size.width)
            self.query_one("#inspect-header", Lines).set_lines([line])
