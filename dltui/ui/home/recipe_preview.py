"""What a recipe is, beside the tree: its text, its layers, an explanation."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.containers import Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Static, Tab, Tabs

from dltui.errors import DltuiError
from dltui.ui.home.recipe_tree import Entry

VIEWS = {"recipe": "r", "layers": "l", "explain": "x"}
"""The views and the keys of the home screen that show them."""


class RecipePreview(Vertical):
    """Follows the tree's cursor. Everything slow happens in a thread; the newest entry wins."""

    DEFAULT_CSS = """
    RecipePreview > #summary { height: auto; max-height: 6; }
    RecipePreview > Tabs { height: 2; margin: 0; }
    RecipePreview > VerticalScroll { height: 1fr; }
    RecipePreview Markdown { padding: 0; margin: 0; background: $background; }
    """
    entry: reactive[Entry | None] = reactive(None, layout=False)
    has_gpu: reactive[bool | None] = reactive(None, layout=False)
    """None until somebody has looked."""
    view: reactive[str] = reactive("recipe", layout=False)

    async def fill(self) -> None:
        """Mounts what is inside; the frame alone is in the first picture of the screen."""
        tabs = Tabs(*(Tab(f"{key} {name}", id=f"view-{name}") for name, key in VIEWS.items()))
        tabs.can_focus = False
        body = VerticalScroll(Static("", id="text"), id="body")
        await self.mount(Static("", id="summary", markup=False), tabs, body)

    def show_view(self, view: str) -> None:
        self.query_one(Tabs).active = f"view-{view}"

    @on(Tabs.TabActivated)
    def choose_view(self, event: Tabs.TabActivated) -> None:
        self.view = str(event.tab.id).removeprefix("view-")

    def watch_view(self) -> None:
        self._show()

    def watch_entry(self, entry: Entry | None) -> None:
        if entry is not None:
            self.border_title = entry.name
            self.query_one("#summary", Static).update(_summary(entry, self.has_gpu))
            self._show()

    def watch_has_gpu(self) -> None:
        if self.entry is not None:
            self.query_one("#summary", Static).update(_summary(self.entry, self.has_gpu))

    def _show(self) -> None:
        if self.entry is None or not self.is_mounted:
            return
        if self.view == "explain":
            self._explain(self.entry)
        elif self.view == "layers":
            self._text(Text("computing the shapes of every layer …", "dim"))
            self._read(self.entry, layer_table)
        else:
            self._read(self.entry, source_text)

    @work(thread=True, exclusive=True, group="preview")
    def _read(self, entry: Entry, content: Callable[[Entry, bool], RenderableType]) -> None:
        try:
            shown = content(entry, self.app.current_theme.dark)
        except DltuiError as error:
            shown = Text(str(error), "red")
        except OSError as error:
            shown = Text(f"{entry.path}: {error}", "red")
        self.app.call_from_thread(self._show_if_current, entry, shown)

    def _show_if_current(self, entry: Entry, shown: RenderableType) -> None:
        if entry == self.entry and self.view != "explain":
            self._text(shown)

    def _text(self, shown: RenderableType) -> None:
        for markdown in self.query("#markdown"):
            markdown.display = False
        text = self.query_one("#text", Static)
        text.display = True
        text.update(shown)
        self.query_one("#body").scroll_home(animate=False)

    @work(thread=True, exclusive=True, group="preview")
    def _explain(self, entry: Entry) -> None:
        from dltui.explain import for_recipe
        from dltui.recipe import load_recipe

        try:
            text = for_recipe(load_recipe(entry.source))
        except DltuiError as error:
            text = f"The recipe has errors, so there is nothing to explain yet.\n\n    {error}"
        self.app.call_from_thread(self.run_worker, self._show_markdown(entry, text))

    async def _show_markdown(self, entry: Entry, text: str) -> None:
        if entry != self.entry or self.view != "explain":
            return
        self.query_one("#text").display = False
        # Imported when first needed: it costs a tenth of the time to the first frame.
        from textual.widgets import Markdown

        body = self.query_one("#body")
        if not body.query(Markdown):
            await body.mount(Markdown("", id="markdown"))
        markdown = body.query_one(Markdown)
        markdown.display = True
        await markdown.update(text)
        self.query_one("#body").scroll_home(animate=False)


def _summary(entry: Entry, has_gpu: bool | None) -> Text:
    text = Text(entry.about or "no description", "bold")
    facts = [entry.task] if entry.task else []
    if entry.parameters is not None:
        facts.append(f"{entry.parameters:,} parameters")
    facts.append("needs a download ↓" if entry.download else "no download")
    facts += [f"needs {need}" for need in entry.needs]
    text.append("\n" + " · ".join(facts), "not bold dim")
    known = [f"about {entry.time}" if entry.time else "", ""]
    if entry.expected:
        known[1] = f"expected {entry.expected}"
    if any(known):
        text.append("\n" + " · ".join(filter(None, known)), "not bold dim")
    for obstacle in _obstacles(entry, has_gpu):
        text.append(f"\n▲ {obstacle}", "not bold yellow")
    return text


EXTRAS = {"tables": "pyarrow", "bpe": "tokenizers"}
"""Extras that a recipe can need, and the module that shows whether they are installed."""


def _obstacles(entry: Entry, has_gpu: bool | None) -> list[str]:
    """Why this machine cannot run the recipe, or not well."""
    found = []
    if "gpu" in entry.needs and has_gpu is False:
        found.append("made for a GPU, and none is here: on the CPU this takes very long")
    for extra, module in EXTRAS.items():
        if extra in entry.needs and importlib.util.find_spec(module) is None:
            found.append(f"needs an extra: pip install 'dltui[{extra}]'")
    return found


def source_text(entry: Entry, dark: bool) -> RenderableType:
    """The YAML in colours, with the errors of a broken recipe above it."""
    from rich.console import Group

    source = entry.path.read_text(encoding="utf-8", errors="replace")
    shown = _highlighted(source, dark)
    errors = _errors(entry.source, entry.path.stat().st_mtime_ns)
    return Group(Text(errors + "\n", "red"), shown) if errors else shown


@lru_cache(maxsize=64)
def _errors(source: str, modified_ns: int) -> str:
    from dltui.recipe import load_recipe

    try:
        load_recipe(source)
    except DltuiError as error:
        return str(error)
    return ""


@lru_cache(maxsize=64)
def _highlighted(source: str, dark: bool) -> RenderableType:
    from rich.syntax import Syntax

    return Syntax(
        source,
        "yaml",
        theme="ansi_dark" if dark else "ansi_light",
        background_color="default",
        word_wrap=True,
    )


def layer_table(entry: Entry, dark: bool) -> RenderableType:
    """The shape table, from the helper process or its cache."""
    from dltui.launch import describe
    from dltui.recipe import load_recipe

    found = describe(load_recipe(entry.source))
    if found.get("errors"):
        return Text("\n".join(_error_line(error) for error in found["errors"]), "red")
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    table.add_column("layer", no_wrap=True)
    table.add_column("type", style="dim")
    table.add_column("input")
    table.add_column("output")
    table.add_column("parameters", justify="right")
    for row in found["layers"]:
        count = f"{row['parameters']:,}" if row["parameters"] else "·"
        table.add_row(
            Text(row["name"]), row["type"], _shape(row["input"]), _shape(row["output"]), count
        )
    table.add_row(Text("total", "bold"), "", "", "", Text(f"{found['parameters']:,}", "bold"))
    return table


def _error_line(error: dict[str, object]) -> str:
    place = ":".join(str(error[key]) for key in ("file", "line", "column"))
    return f"{place}: {error['path']}: {error['message']}"


def _shape(shape: object) -> str:
    if isinstance(shape, list) and shape and isinstance(shape[0], list):
        return " + ".join(_shape(part) for part in shape)
    return "×".join(map(str, shape)) if isinstance(shape, list) else str(shape or "")
