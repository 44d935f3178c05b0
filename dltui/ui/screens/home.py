"""Home: recipes on the left, what they are on the right, runs below."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, Static

from dltui.errors import DltuiError
from dltui.ui.home.recipe_preview import RecipePreview
from dltui.ui.home.recipe_tree import Entry, RecipeTree, find_entries
from dltui.ui.home.run_table import RunTable
from dltui.ui.launching import Launching
from dltui.ui.widgets.size_guard import SizeGuard

RUNS_HINT = "tab to the runs · enter watch · space mark · c compare the marked"


class HomeScreen(Launching, Screen[None]):
    """Pick a recipe and train it, or pick a run and watch it."""

    BINDINGS = [
        Binding(
            "o", "show_options", "Options", id="show-options", tooltip="Change settings, then train"
        ),
        Binding("e", "edit_recipe", "Edit", id="edit-recipe", tooltip="Edit the recipe's YAML"),
        Binding("E", "edit_outside", "$EDITOR", show=False, id="edit-outside"),
        Binding(
            "n", "new_recipe", "New", id="new-recipe", tooltip="Copy the recipe to start your own"
        ),
        Binding(
            "c",
            "compare_runs",
            "Compare",
            id="compare-runs",
            tooltip="Compare the runs that are marked: tab to the runs, space on each",
        ),
        Binding(
            "i",
            "inspect_checkpoint",
            "Inspect",
            id="inspect-checkpoint",
            tooltip="Look into a checkpoint: of the run under the cursor, or any file",
        ),
        Binding("slash", "show_filter", "Filter", key_display="/", id="show-filter"),
        Binding("r", "show_view('recipe')", "Recipe", show=False, id="view-recipe"),
        Binding("l", "show_view('layers')", "Layers", show=False, id="view-layers"),
        Binding("x", "show_view('explain')", "Explain", show=False, id="view-explain"),
        Binding("question_mark", "show_help", "Help", key_display="?", id="show-help"),
        Binding("escape", "hide_filter", "Back", show=False, id="hide-filter"),
        Binding("q", "app.quit", "Quit", id="quit"),
    ]

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self.runs = runs
        self.entries: list[Entry] = []
        self.is_filled = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="header"):
            yield Static("dltui", id="header-name")
            yield Static("", id="header-note", markup=False)
            yield Static("", id="header-machine", markup=False)
        with Horizontal(id="upper"):
            with Vertical(id="left", classes="panel") as left:
                left.border_title = "recipes"
            yield RecipePreview(id="preview", classes="panel")
        with Vertical(id="lower", classes="panel") as lower:
            lower.border_title = f"runs · {self.runs}"
            lower.border_subtitle = RUNS_HINT
        yield SizeGuard()

    def on_mount(self) -> None:
        # The first frame shows the frames only: what is in them takes as long to mount again.
        self.call_after_refresh(self.fill)

    async def fill(self) -> None:
        """Puts the lists, the preview and the footer in place, and reads what they show."""
        with self.app.batch_update():
            await self.query_one("#left").mount(
                Input(placeholder="filter recipes", id="recipe-filter", classes="filter"),
                RecipeTree(id="recipe-tree"),
            )
            await self.query_one(RecipePreview).fill()
            await self.query_one("#lower").mount(
                Input(
                    placeholder="state:running task:classify lr>=1e-3 -name:debug",
                    id="run-filter",
                    classes="filter",
                ),
                Static("No runs yet. Press enter on a recipe to start the first.", id="no-runs"),
                RunTable(self.runs, id="run-table"),
            )
            await self.mount(Footer(show_command_palette=False, compact=True))
        self.is_filled = True
        self.refresh_bindings()
        self.query_one(RecipeTree).focus()
        self.read_recipes()
        self.read_machine()
        self.set_interval(2.0, self.read_machine)

    @property
    def focus_chain(self) -> list[Widget]:
        """Tab goes from the recipes to the runs, and to the preview, which only scrolls, last."""
        preview = self.query_one("#preview")
        return sorted(super().focus_chain, key=lambda widget: preview in widget.ancestors)

    @on(RunTable.Marked)
    def count_marked(self, event: RunTable.Marked) -> None:
        count = len(event.ids)
        told = f"{count} marked · space mark · c compare" if count else RUNS_HINT
        self.query_one("#lower").border_subtitle = told

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys act once there is something to act on."""
        return self.is_filled

    # What is on the machine ---------------------------------------------------------------

    @work(thread=True, exclusive=True, group="recipes")
    def read_recipes(self, choose: str | None = None) -> None:
        entries = find_entries(Path.cwd())
        self.app.call_from_thread(self._show_recipes, entries, choose)

    def _show_recipes(self, entries: list[Entry], choose: str | None) -> None:
        self.entries = entries
        tree = self.query_one(RecipeTree)
        tree.show(entries, self.query_one("#recipe-filter", Input).value)
        if choose is not None:
            tree.choose(choose)

    @work(thread=True, exclusive=True, group="machine")
    def read_machine(self) -> None:
        from dltui.ui.machine import has_accelerator, machine_state

        state = machine_state()
        if self.app.is_running:
            self.app.call_from_thread(self._show_machine, str(state), has_accelerator())

    def _show_machine(self, text: str, has_gpu: bool) -> None:
        self.query_one(RecipePreview).has_gpu = has_gpu
        line = self.query_one("#header-machine", Static)
        if str(line.content) != text:
            line.update(text)

    def note(self, text: str) -> None:
        """A word in the header: what is going on."""
        self.query_one("#header-note", Static).update(text)

    # Choosing -----------------------------------------------------------------------------

    @on(RecipeTree.Chosen)
    def preview(self, event: RecipeTree.Chosen) -> None:
        self.query_one(RecipePreview).entry = event.entry

    @on(RecipeTree.Started)
    def train_chosen(self, event: RecipeTree.Started) -> None:
        if event.entry.error is not None:
            self.notify("This recipe has errors: press e to edit it.", severity="error")
            return
        self.launch(event.entry.source)

    @on(RunTable.Opened)
    def watch_run(self, event: RunTable.Opened) -> None:
        from dltui.ui.screens.watch import WatchScreen

        self.app.push_screen(WatchScreen(event.path))

    @on(RunTable.Listed)
    def show_emptiness(self, event: RunTable.Listed) -> None:
        empty = not event.rows
        self.query_one("#no-runs").display = empty and not self.query_one(RunTable).filter
        self.query_one(RunTable).display = not self.query_one("#no-runs").display

    def action_show_view(self, view: str) -> None:
        self.query_one(RecipePreview).show_view(view)

    def action_show_options(self) -> None:
        from dltui.ui.screens.options import OptionsScreen

        entry = self.query_one(RecipeTree).chosen
        if entry is None:
            return
        if entry.error is not None:
            self.notify("This recipe has errors: press e to edit it.", severity="error")
            return
        self.app.push_screen(OptionsScreen(entry.source), self._train_with)

    def _train_with(self, choice: tuple[str, tuple[str, ...], str | None] | None) -> None:
        if choice is not None:
            source, overrides, name = choice
            self.launch(source, overrides, name=name)

    def action_edit_recipe(self) -> None:
        entry = self.query_one(RecipeTree).chosen
        if entry is not None:
            self._open_editor(entry.path, read_only=entry.is_shipped)

    def _open_editor(self, path: Path, *, read_only: bool) -> None:
        from dltui.ui.screens.editor import EditorScreen

        self.app.push_screen(EditorScreen(path, shipped=read_only), self._after_editor)

    def _after_editor(self, result: tuple[str, Path] | None) -> None:
        """`("train", path)`, `("saved", path)` or None."""
        if result is None:
            return
        verb, path = result
        self.read_recipes(choose=path.name)
        if verb == "train":
            self.launch(str(path))

    def action_edit_outside(self) -> None:
        entry = self.query_one(RecipeTree).chosen
        if entry is None:
            return
        if entry.is_shipped:
            self.notify(
                "A shipped recipe stays as it is: press n to copy it first.", severity="warning"
            )
            return
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        with self.app.suspend():
            subprocess.run([*editor.split(), str(entry.path)], check=False)
        self.read_recipes(choose=entry.name)

    def action_new_recipe(self) -> None:
        from dltui.ui.screens.dialogs import Ask

        entry = self.query_one(RecipeTree).chosen
        if entry is None:
            return

        def write(target: str | None) -> None:
            if target is None:
                return
            from dltui.recipe import write_copy

            try:
                write_copy(entry.source, path := Path(target).expanduser())
            except DltuiError as error:
                self.notify(str(error), severity="error", timeout=8)
                return
            self.read_recipes(choose=path.name)
            self._open_editor(path, read_only=False)

        question = f"Copy {entry.name} to which file?"
        self.app.push_screen(Ask(question, value=free_name(entry.label), title="new recipe"), write)

    def action_compare_runs(self) -> None:
        table = self.query_one(RunTable)
        paths = [row.path for row in table.shown if row.id in table.marked]
        if len(paths) < 2:
            self.notify(
                "Mark two runs or more first: tab to the runs, space on each; then c.",
                severity="warning",
            )
            return
        from dltui.ui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(paths))

    def action_inspect_checkpoint(self) -> None:
        from dltui.ui.inspect.picker import CheckpointPicker

        row = self.query_one(RunTable).chosen if self.query_one("#lower").has_focus_within else None
        picker = CheckpointPicker(self.runs, row.path if row is not None else None)
        self.app.push_screen(picker, self._inspect)

    def _inspect(self, path: Path | None) -> None:
        if path is not None:
            from dltui.ui.inspect.opening import Opening
            from dltui.ui.inspect.screen import InspectScreen

            self.app.push_screen(InspectScreen(Opening(path)))

    # Filtering ----------------------------------------------------------------------------

    def action_show_filter(self) -> None:
        in_runs = self.query_one("#lower").has_focus_within
        box = self.query_one("#run-filter" if in_runs else "#recipe-filter", Input)
        box.add_class("-shown")
        # At once, styles or not: what is typed next belongs into the field.
        box.display = True
        self.set_focus(box)

    def action_hide_filter(self) -> None:
        for box in self.query(".filter").results(Input):
            if box.has_class("-shown"):
                box.remove_class("-shown")
                box.display = False
                box.value = ""
        self.query_one(RecipeTree).focus()

    @on(Input.Changed, "#recipe-filter")
    def filter_recipes(self, event: Input.Changed) -> None:
        self.query_one(RecipeTree).show(self.entries, event.value)

    @on(Input.Changed, "#run-filter")
    def filter_runs(self, event: Input.Changed) -> None:
        table = self.query_one(RunTable)
        table.filter = event.value
        table.read_runs()

    @on(Input.Submitted, ".filter")
    def leave_filter(self, event: Input.Submitted) -> None:
        target = RunTable if event.input.id == "run-filter" else RecipeTree
        self.query_one(target).focus()

    def action_show_help(self) -> None:
        from dltui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen.of(self))


def free_name(label: str) -> str:
    """`my-<label>.yaml`, numbered where that file exists."""
    name = f"my-{label.removesuffix('.yaml')}"
    path, number = Path(f"{name}.yaml"), 2
    while path.exists():
        path, number = Path(f"{name}-{number}.yaml"), number + 1
    return str(path)
