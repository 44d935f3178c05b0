"""The recipe of the run, as it was resolved."""

from __future__ import annotations

from textual.app import ComposeResult

from dltui.ui.panes.lines import Line, Lines
from dltui.ui.panes.pane import Pane
from dltui.ui.snapshot import Snapshot


class RecipePane(Pane):
    """YAML, keys toned apart from values."""

    pane_title = "recipe"
    topic = "recipe"

    def __init__(self) -> None:
        super().__init__(id="recipe")
        self.page = Lines(id="recipe-page")
        self.page.can_focus = True
        self._text: str | None = None

    def compose(self) -> ComposeResult:
        yield self.page

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.recipe_text == self._text:
            return
        self._text = snapshot.recipe_text
        if not self.wait_for(None if self._text else "the run folder has no recipe"):
            self.page.set_lines([yaml_line(line) for line in self._text.splitlines()])

    def readings(self) -> list[str]:
        count = len((self._text or "").splitlines())
        return [f"The recipe has {count} lines; every key can be set with key=value."]


def yaml_line(line: str) -> Line:
    """One line of YAML in tones: comment, key, value."""
    stripped = line.lstrip()
    if stripped.startswith("#"):
        return ((line, "dim"),)
    key, colon, value = line.partition(":")
    if colon and (not value or value.startswith(" ")) and " #" not in key:
        return ((key, "accent"), (colon, "dim"), (value, ""))
    return ((line, ""),)
