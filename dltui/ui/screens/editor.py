"""Write a recipe with its errors shown while typing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from dltui.ui.screens.dialogs import Ask, Confirm
from dltui.ui.widgets.recipe_area import RecipeArea
from dltui.ui.widgets.size_guard import SizeGuard

if TYPE_CHECKING:
    from dltui.errors import Problem

CHECK_DELAY_S = 0.25


class EditorScreen(Screen[tuple[str, Path] | None]):
    """Ends with `("saved", path)`, `("train", path)` or None.

    A shipped recipe is saved as a copy of one's own.
    """

    CSS_PATH = "editor.tcss"
    BINDINGS = [
        Binding("ctrl+s", "save", "Save", id="editor-save", priority=True),
        Binding("ctrl+g", "train", "Save and train", id="editor-train", priority=True),
        Binding("f8", "next_problem", "Next problem", id="editor-next-problem"),
        Binding("escape", "leave", "Back", id="editor-leave", priority=True),
    ]

    def __init__(self, path: Path, *, shipped: bool = False) -> None:
        super().__init__()
        self.path = path
        self.shipped = shipped
        self.saved_text = ""
        self.problems: tuple[Problem, ...] = ()
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="frame", classes="panel"):
            yield RecipeArea("", id="text")
        yield Static("", id="verdict", markup=False)
        yield OptionList(id="problems", markup=False)
        yield Footer(show_command_palette=False, compact=True)
        yield SizeGuard()

    def on_mount(self) -> None:
        area = self.query_one(RecipeArea)
        try:
            self.saved_text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.notify(f"{self.path}: {error}", severity="error", markup=False)
        area.load_text(self.saved_text)
        area.focus()
        self._show_title()
        self.check()

    @property
    def is_changed(self) -> bool:
        return self.query_one(RecipeArea).text != self.saved_text

    def _show_title(self) -> None:
        frame = self.query_one("#frame")
        kind = "shipped, saved as a copy" if self.shipped else ""
        frame.border_title = f"{self.path.name}{' ●' if self.is_changed else ''}"
        frame.border_subtitle = kind

    # Checking -----------------------------------------------------------------------------

    @on(TextArea.Changed)
    def check_soon(self) -> None:
        self._show_title()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CHECK_DELAY_S, self.check)

    def check(self) -> None:
        self._check(self.query_one(RecipeArea).text)

    @work(thread=True, exclusive=True, group="check")
    def _check(self, text: str) -> None:
        from dltui.errors import RecipeError
        from dltui.recipe import parse_recipe

        try:
            parse_recipe(text, self.path)
            problems: tuple[Problem, ...] = ()
        except RecipeError as error:
            problems = error.problems
        if self.is_attached:
            self.app.call_from_thread(self._show_problems, problems)

    def _show_problems(self, problems: tuple[Problem, ...]) -> None:
        if self not in self.app.screen_stack:
            return  # left while the check was under way
        self.problems = problems
        by_line: dict[int, str] = {}
        for problem in problems:
            by_line.setdefault(problem.line, problem.message)
        self.query_one(RecipeArea).show_problems(by_line)
        listed = self.query_one("#problems", OptionList)
        listed.clear_options()
        listed.add_options(
            Option(f"{p.line}:{p.column}  {p.path + ': ' if p.path else ''}{p.message}")
            for p in problems
        )
        listed.display = bool(problems)
        verdict = self.query_one("#verdict", Static)
        verdict.set_class(bool(problems), "-bad")
        verdict.update(f"✗ {len(problems)} to mend" if problems else "✓ a valid recipe")

    @on(OptionList.OptionSelected)
    def go_to_problem(self, event: OptionList.OptionSelected) -> None:
        self._go_to(self.problems[event.option_index])

    def action_next_problem(self) -> None:
        row, column = self.query_one(RecipeArea).cursor_location
        here = (row + 1, column + 1)
        later = [p for p in self.problems if (p.line, p.column) > here]
        if self.problems:
            self._go_to((later or list(self.problems))[0])

    def _go_to(self, problem: Problem) -> None:
        area = self.query_one(RecipeArea)
        area.focus()
        area.move_cursor((max(problem.line - 1, 0), max(problem.column - 1, 0)))

    # Saving -------------------------------------------------------------------------------

    def action_save(self) -> None:
        self._save_then("saved", leave=False)

    def action_train(self) -> None:
        if self.problems:
            self.notify("The recipe has errors; f8 goes to the next.", severity="error")
            return
        self._save_then("train", leave=True)

    def action_leave(self) -> None:
        if not self.is_changed:
            self.dismiss(None if self.shipped else ("saved", self.path))
            return

        def answer(discard: bool | None) -> None:
            if discard:
                self.dismiss(None)

        question = "The changes are not saved. Discard them?"
        self.app.push_screen(Confirm(question, title=self.path.name, yes="discard"), answer)

    def _save_then(self, verb: str, *, leave: bool) -> None:
        def write(target: str | None) -> None:
            if target is None:
                return
            path = Path(target).expanduser()
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.query_one(RecipeArea).text, encoding="utf-8")
            except OSError as error:
                self.notify(f"not saved: {error}", severity="error", markup=False)
                return
            self.path, self.shipped = path.resolve(), False
            self.saved_text = self.query_one(RecipeArea).text
            self._show_title()
            if leave:
                self.dismiss((verb, self.path))
            else:
                self.notify(f"saved {path}", timeout=2, markup=False)

        if not self.shipped:
            write(str(self.path))
        elif verb == "train" and not self.is_changed:
            self.dismiss((verb, self.path))
        else:
            from dltui.ui.screens.home import free_name

            ask = Ask("Save the copy as", value=free_name(self.path.stem), check=_new_file)
            self.app.push_screen(ask, write)


def _new_file(name: str) -> str | None:
    if not name:
        return "a file name is needed"
    return f"{name} exists" if Path(name).expanduser().exists() else None
