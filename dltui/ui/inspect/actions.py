"""What the keys of the inspect screen do."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from dltui.errors import DltuiError, UsageError
from dltui.inspect.contents import Tensor
from dltui.ui.inspect.details import Details
from dltui.ui.inspect.module_tree import ModuleTree
from dltui.ui.inspect.opening import OpenedFile, Opening
from dltui.ui.inspect.rows import Outline, Row

if TYPE_CHECKING:
    from dltui.ui.inspect.study import Study


FILTERED_AT_ONCE = 5_000
"""Tensors that are looked through at every key."""
_TYPING_S = 0.12


class InspectActions(Screen[None]):
    """Moves through the file, finds, copies and writes; the screen below it lays out."""

    tree_widget: ModuleTree
    details: Details
    opening: Opening
    file: OpenedFile | None = None
    outline: Outline | None = None
    study: Study | None = None
    _came_from: str | None = None
    _filter_pause: Timer | None = None

    @property
    def tensor(self) -> Tensor | None:
        """The tensor under the cursor."""
        row = self.tree_widget.row
        return row.tensor if row is not None else None

    # Moving

    @on(ModuleTree.RowShown)
    def show_row(self, event: ModuleTree.RowShown) -> None:
        self.details.show(event.row)

    @on(ModuleTree.TensorOpened)
    def look_at_tensor(self) -> None:
        if self.has_class("-one-pane"):
            self.add_class("-zoomed")
        self.details.focus_inside()

    def action_look(self) -> None:
        self.tree_widget.action_choose()

    def action_go_to(self, number: int) -> None:
        self.details.open(number - 1)

    def action_toggle_zoom(self) -> None:
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self.details.focus_inside()
        else:
            self.tree_widget.focus()

    def go_to_tensor(self, name: str) -> bool:
        """Opens what leads to the tensor and puts the cursor on it; a filter that hides it ends."""
        if self.outline is None:
            return False
        key = self.outline.reveal(name)
        if key is None:
            return False
        if self.outline.selection and not any(row.key == key for row in self.tree_widget.rows):
            self._close_filter()
        self.tree_widget.show_rows(key)
        return True

    def go_to_key(self, key: str) -> None:
        """Puts the cursor on a module or tensor, if it is there."""
        if key.startswith("t:"):
            self.go_to_tensor(key.removeprefix("t:"))
        else:
            self.tree_widget.go_to(key)

    def action_show_metadata(self) -> None:
        """To what the file says of itself, and back to where one came from."""
        row, rows = self.tree_widget.row, self.tree_widget.rows
        if row is None:
            return
        if self.details.kind == "file" and self.details.view == "metadata":
            if self._came_from is not None:
                self.tree_widget.go_to(self._came_from)
            return
        self._came_from = row.key
        self.details.chosen["file"] = "metadata"
        if self._is_file(row):
            self.details.open_view("metadata")
        else:
            self.tree_widget.go_to(rows[0].key)

    def _is_file(self, row: Row) -> bool:
        return row.depth == 0 and row.tensor is None

    # Finding

    async def action_open_filter(self) -> None:
        if not self.query("#tensor-filter"):
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
        """At once in most files; in a large one when typing pauses, as each look takes a while."""
        self._end_filter_pause()
        if self.file is not None and len(self.file.checkpoint.tensors) > FILTERED_AT_ONCE:
            self._filter_pause = self.set_timer(_TYPING_S, partial(self._filter, event.value))
        else:
            self._filter(event.value)

    def _end_filter_pause(self) -> None:
        if self._filter_pause is not None:
            self._filter_pause.stop()
            self._filter_pause = None

    def _filter(self, text: str) -> None:
        from dltui.inspect.selection import Selection

        self._filter_pause = None
        if self.outline is None or self.file is None:
            return
        panel = self.query_one("#tree-panel")
        try:
            self.outline.selection = Selection.parse(text)
        except UsageError as error:
            panel.border_subtitle = Content(error.message)
            return
        count = len(self.outline.selection.of(self.file.checkpoint.tensors))
        panel.border_subtitle = Content(f"{count:,} found" if text.strip() else "")
        self.tree_widget.show_rows()

    @on(Input.Submitted, "#tensor-filter")
    def leave_filter(self, event: Input.Submitted) -> None:
        """Goes to the first tensor that was found."""
        if self._filter_pause is not None:
            self._end_filter_pause()
            self._filter(event.value)
        self.tree_widget.focus()
        first = next((row for row in self.tree_widget.rows if row.tensor is not None), None)
        if first is not None:
            self.tree_widget.go_to(first.key)

    def _close_filter(self) -> None:
        self._end_filter_pause()
        for field in self.query("#tensor-filter").results(Input):
            if field.display:
                field.value = ""
                field.remove_class("-shown")
                field.display = False
        if self.outline is not None and self.outline.selection:
            row = self.tree_widget.row
            self.outline.selection = None
            self.query_one("#tree-panel").border_subtitle = ""
            if row is not None and row.tensor is not None:
                self.outline.reveal(row.tensor.name)
            self.tree_widget.show_rows()

    def action_leave_field(self) -> None:
        """Closes the filter, or leaves the zoom, or goes back to the tree."""
        self._close_filter()
        self.remove_class("-zoomed")
        self.tree_widget.focus()

    # Comparing

    def action_compare(self) -> None:
        """Asks which file to compare with, then shows the difference."""
        from dltui.ui.screens.dialogs import Ask

        if self.file is None:
            return
        here = self.file.path

        def begin(text: str | None) -> None:
            if text is not None:
                from dltui.ui.inspect.diff_screen import DiffScreen

                self.app.push_screen(DiffScreen(here, Path(text).expanduser()))

        def complaint(text: str) -> str | None:
            if not text:
                return "name a file or a folder"
            return None if Path(text).expanduser().exists() else f"there is no {text}"

        question = f"Compare {here.name} with which file?"
        folder = f"{here.parent}/"
        self.app.push_screen(Ask(question, value=folder, title="diff", check=complaint), begin)

    def action_look_at_example(self) -> None:
        """Feeds an example to the network of a run's checkpoint, in a process with torch."""
        from dltui.runs.checkpoints import step_of

        path = self.file.path.absolute() if self.file is not None else Path()
        if path.parent.name != "checkpoints":
            self.app.notify("only a run's own checkpoint knows its network and data", timeout=5)
            return
        from dltui.ui.inspect.activations import ActivationsScreen

        self.app.push_screen(ActivationsScreen(path.parent.parent, step_of(path)))

    # Copying and writing

    def action_copy(self) -> None:
        from dltui.ui.inspect.copying import CopyMenu, command_text, python_text

        if self.file is None:
            return
        panel, path = self.details.panel, self.file.path
        options = panel.command() if panel is not None else self.details.options
        part = panel.part() if panel is not None else ""
        choices = (
            ("y", "command", command_text(path, self.tensor, options)),
            ("p", "Python", python_text(path, self.tensor, part)),
            ("t", "text", self.details.as_text()),
        )
        self.app.push_screen(CopyMenu(choices), self._copy)

    def _copy(self, text: str | None) -> None:
        if text is not None:
            self.app.copy_to_clipboard(text)
            first = text.partition("\n")[0]
            self.app.notify(f"copied: {first[:120]}", markup=False, timeout=4)

    def action_export(self) -> None:
        from dltui.ui.inspect.exporting import complaint, proposed_name
        from dltui.ui.screens.dialogs import Ask

        if self.file is None:
            return
        tensor, checkpoint = self.tensor, self.file.checkpoint

        def begin(text: str | None) -> None:
            if text is not None:
                self._write(text, tensor)

        what = "the tensor (.npy or .csv)" if tensor is not None else "the list (.json)"
        self.app.push_screen(
            Ask(
                f"Write {what} to which file?",
                value=proposed_name(checkpoint, tensor),
                title="export",
                check=lambda text: complaint(text, tensor),
            ),
            begin,
        )

    @work(thread=True, group="export")
    def _write(self, text: str, tensor: Tensor | None) -> None:
        from dltui.ui.inspect.exporting import write

        assert self.file is not None
        path = Path(text).expanduser()
        try:
            write(self.file.checkpoint, tensor, path)
        except DltuiError as error:
            self.app.call_from_thread(
                self.app.notify, str(error), severity="error", markup=False, timeout=10
            )
            return
        self.app.call_from_thread(self.app.notify, f"written: {path}", markup=False, timeout=5)

    # The screen itself

    def action_reopen(self) -> None:
        if self.file is None:
            return
        try:
            self.opening = Opening(self.file.newest)
        except DltuiError as error:
            self.app.notify(str(error), severity="error", markup=False, timeout=10)
            return
        self.wait_for_file()

    def wait_for_file(self) -> None:
        """Shows the file that `opening` opens as soon as it is open."""
        raise NotImplementedError

    def action_show_help(self) -> None:
        """Explains the view in front, with its values in words and the keys."""
        from dltui import explain
        from dltui.ui.key_words import active_keys
        from dltui.ui.panes.explain import ExplainScreen

        panel = self.details.panel
        readings = panel.readings() if panel is not None else []
        keys = [(key.key, key.line or key.word) for key in active_keys(self)]
        text = explain.text(f"pane/{self.details.topic}")
        self.app.push_screen(ExplainScreen(self.details.view, text, readings, keys))

    def action_leave(self) -> None:
        if self.app.screen_stack[0] is self:
            self.app.exit()
        else:
            self.dismiss(None)
