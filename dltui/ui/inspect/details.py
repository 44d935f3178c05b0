"""The right side: views of what the cursor of the tree is on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer

from dltui.inspect.text import shape_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.reading import Reading, ValueReader
from dltui.ui.inspect.rows import Row
from dltui.ui.inspect.tabs import ViewTabs
from dltui.ui.inspect.views.facts import (
    code_lines,
    heading,
    mapping_lines,
    memory_lines,
    module_lines,
    overview_lines,
    tensor_lines,
)
from dltui.ui.inspect.wording import short_dtype, tensor_words
from dltui.ui.panes.lines import Line, Lines, fit_end, text_of

if TYPE_CHECKING:
    from dltui.ui.inspect.panel import Panel
    from dltui.ui.inspect.study import Study

FILE_VIEWS = ("overview", "memory", "metadata", "code")
MODULE_VIEWS = ("module",)
PANELS = {
    "stats": ("distribution", "StatisticsPanel"),
    "histogram": ("distribution", "HistogramPanel"),
    "picture": ("sheet", "PicturePanel"),
    "spectrum": ("spectrum_view", "SpectrumPanel"),
    "values": ("grid", "ValuesPanel"),
    "optimizer": ("optimizer", "OptimizerPanel"),
}
"""Views that read values, and where they are: imported when first looked at, as numpy is."""
TENSOR_VIEWS = ("stats", "histogram", "picture", "spectrum", "values", "optimizer", "tensor")
_AROUND_TITLE = 6
"""Columns of the frame that a title does not get."""
_PAUSE_S = 0.06
"""The cursor rests so long on a tensor before its values are read."""


class DetailText(Lines, can_focus=True):
    """Lines that scroll with the keys."""


class Details(Vertical):
    """Shows the views of a row; remembers for each kind of row which view was open."""

    @dataclass
    class ValuesRead(Message):
        """The reader has come further with what is looked at."""

        reading: Reading

    def __init__(self) -> None:
        super().__init__(id="details", classes="panel")
        self.file: OpenedFile | None = None
        self.study: Study | None = None
        self.row: Row | None = None
        self.chosen = {"file": FILE_VIEWS[0], "module": MODULE_VIEWS[0], "tensor": TENSOR_VIEWS[0]}
        self.tabs = ViewTabs()
        self.text = DetailText(id="detail-text")
        self.panels: dict[str, Panel] = {}
        self._reader: ValueReader | None = None
        self._pause: Timer | None = None
        self._awaited: Hashable = None
        self.is_filled = False

    async def fill(self) -> None:
        """Mounts what is inside; the frame alone is in the first picture of the screen."""
        await self.mount(self.tabs, self.text)
        self.is_filled = True
        # Only now it is known how wide a line can be.
        self.call_after_refresh(self._draw)

    def on_unmount(self) -> None:
        if self._reader is not None:
            self._reader.close()

    @property
    def kind(self) -> str:
        """Of what is looked at: the whole file, a module or a tensor."""
        if self.row is None or (self.row.depth == 0 and self.row.tensor is None):
            return "file"
        return "module" if self.row.tensor is None else "tensor"

    @property
    def views(self) -> tuple[str, ...]:
        """The views that there are of it."""
        if self.kind == "file":
            return FILE_VIEWS
        if self.kind == "module":
            return MODULE_VIEWS
        has_optimizer = self.file is not None and self.file.has_optimizer
        return tuple(view for view in TENSOR_VIEWS if view != "optimizer" or has_optimizer)

    @property
    def view(self) -> str:
        """The one in front."""
        chosen = self.chosen[self.kind]
        return chosen if chosen in self.views else self.views[0]

    @property
    def panel(self) -> Panel | None:
        """The panel in front; None where the view is text."""
        return self.panels.get(self.view) if self.kind == "tensor" else None

    def open_file(self, file: OpenedFile) -> None:
        """Another file, or the same opened again: nothing read before holds any more."""
        if self._reader is not None:
            self._reader.close()
        self.file, self.study, self.row = file, None, None
        self._reader = ValueReader(file.checkpoint, self._deliver)

    def show(self, row: Row) -> None:
        """Looks at another row."""
        self.row = row
        self._draw()

    def open(self, number: int) -> None:
        """Brings the view with this number to the front, counted from 0."""
        if number < len(self.views):
            self.open_view(self.views[number])

    def open_view(self, view: str) -> None:
        """Brings the view of this name to the front."""
        self.chosen[self.kind] = view
        self._draw()

    def focus_inside(self) -> None:
        """Focuses what is in front."""
        if self.panel is not None:
            self.panel.focus_inside()
        else:
            self.text.focus()

    @on(ViewTabs.TabChosen)
    def open_tab(self, event: ViewTabs.TabChosen) -> None:
        self.open(event.number)

    def on_resize(self) -> None:
        if self.row is not None:
            self.border_title = Content(self._title(self.row))
        if self.panel is None:
            self._draw()

    def know(self, study: Study) -> None:
        """More is known of the file now."""
        self.study = study
        self.redraw()

    def redraw(self) -> None:
        """Draws the text anew; values that are shown stay."""
        if self.kind != "tensor":
            self._draw()

    def _draw(self) -> None:
        if self.file is None or self.row is None:
            return
        self.border_title = Content(self._title(self.row))
        if not self.is_filled:
            return
        self.tabs.show(self.views, self.views.index(self.view))
        has_focus = self.has_focus_within
        if self.kind == "tensor" and self.view in PANELS:
            self._open_panel(self.view)
        else:
            self._bring(None)
            self._look_away()
            self.text.set_lines(self._lines(self.file, self.row))
            self.text.scroll_home(animate=False)
        if has_focus:
            self.call_after_refresh(self.focus_inside)

    def _open_panel(self, view: str) -> None:
        panel = self.panels.get(view)
        if panel is None:
            module, name = PANELS[view]
            made: type[Panel] = getattr(import_module(f"dltui.ui.inspect.views.{module}"), name)
            panel = self.panels[view] = made()
            self.mount(panel)
        self._bring(panel)
        self._look(panel)

    def _bring(self, shown: Panel | None) -> None:
        self.text.display = shown is None
        for panel in self.panels.values():
            panel.display = panel is shown

    # Values

    def on_panel_asked(self, event: Panel.Asked) -> None:
        if event.panel is self.panel:
            self._look(event.panel)

    def _look(self, panel: Panel) -> None:
        """Shows what is known of the tensor, or reads it once the cursor rests."""
        if self.file is None or self.row is None or self.row.tensor is None or not self._reader:
            return
        tensor = self.row.tensor
        panel.show(self.file, tensor)
        key, work = panel.wish(self.file, tensor)
        self._awaited = key
        known = self._reader.known(key)
        if self._pause is not None:
            self._pause.stop()
        if known is not None:
            self._reader.give_up()
            panel.take(known)
        else:
            self._reader.give_up()
            self._pause = self.set_timer(_PAUSE_S, partial(self._reader.want, key, work))

    def _look_away(self) -> None:
        self._awaited = None
        if self._pause is not None:
            self._pause.stop()
        if self._reader is not None:
            self._reader.give_up()

    def _deliver(self, reading: Reading) -> None:
        """Called by the reader's thread: a file that changed says so in place of its values."""
        if reading.is_done and self.file is not None and self.file.has_changed():
            reading = replace(reading, problem=self.file.change_words)
        if self.is_attached:
            self.post_message(self.ValuesRead(reading))

    @on(ValuesRead)
    def take_values(self, event: ValuesRead) -> None:
        if event.reading.key == self._awaited and self.panel is not None:
            self.panel.take(event.reading)

    # Text

    @property
    def topic(self) -> str:
        """What explains the view in front, in `dltui.explain`."""
        if self.panel is not None:
            return self.panel.topic
        if self.kind == "file" and self.view != "overview":
            return f"checkpoint-{self.view}"
        return "module" if self.kind == "module" else "checkpoint"

    @property
    def options(self) -> str:
        """What `dltui inspect FILE` needs to show the text that is in front."""
        if self.row is not None and self.kind == "module":
            # Of blocks that are folded into one, all.
            above = self.row.node.path.rpartition(".")[0] if self.row.is_group else ""
            words = f"name:{above or self.row.node.path}."
            is_one_word = words.isprintable() and not set(words) & set(" *?")
            return "--view tensors" + (f" --filter {shlex.quote(words)}" if is_one_word else "")
        views = {"memory": "memory", "metadata": "metadata", "code": "metadata"}
        if self.kind == "tensor":
            views = {"tensor": "tensors"}
        return f"--view {views[self.view]}" if self.view in views else ""

    def as_text(self) -> str:
        """What stands in front, as lines of text."""
        if self.panel is not None:
            return self.panel.as_text()
        return "\n".join(text_of(line).rstrip() for line in self.text.lines) + "\n"

    def _title(self, row: Row) -> str:
        if row.tensor is not None:
            name = visible(row.tensor.name, 120) or "''"
            long = f"{name}   {tensor_words(row.tensor)}"
            room = self.size.width - _AROUND_TITLE
            if cell_len(long) <= room:
                return long
            short = f"  {short_dtype(row.tensor.dtype)} {shape_text(row.tensor.shape)}"
            kept = max(room - cell_len(short), min(cell_len(name), room // 2))
            return fit_end(name, min(kept, cell_len(name))) + short
        return visible(row.node.path, 160) if row.depth else "file"

    def _lines(self, file: OpenedFile, row: Row) -> list[Line]:
        width = max(20, self.content_size.width - 1)
        if row.tensor is not None:
            return tensor_lines(row.tensor, row.node, file, width)
        if self.kind == "module":
            return module_lines(row.node, row.name, file, width)
        lines: dict[str, Callable[[], list[Line]]] = {
            "overview": lambda: self._overview(file, width),
            "metadata": lambda: mapping_lines(file.checkpoint.metadata, width),
            "memory": lambda: memory_lines(self.study, width),
            "code": lambda: code_lines(file.checkpoint, width),
        }
        return lines[self.view]()

    def _overview(self, file: OpenedFile, width: int) -> list[Line]:
        """With the memory table below where all of it has room."""
        lines = overview_lines(file, self.study, width)
        below = [*heading("memory"), *memory_lines(self.study, width, brief=True)]
        room = self.content_size.height - 1
        return [*lines, *below] if len(lines) + len(below) <= room else lines
