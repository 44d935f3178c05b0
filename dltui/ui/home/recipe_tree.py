"""The recipes by family, shipped ones and those of this folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

if TYPE_CHECKING:
    from dltui.recipe import ShippedRecipe

HERE = "this folder"


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipe as the tree shows it. `source` is what `load_recipe` takes."""

    name: str
    family: str
    path: Path
    about: str = ""
    task: str = ""
    expected: str = ""
    time: str = ""
    parameters: int | None = None
    download: bool = False
    needs: tuple[str, ...] = ()
    error: str | None = None

    @property
    def source(self) -> str:
        return str(self.path)

    @property
    def label(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def is_shipped(self) -> bool:
        return self.family != HERE


def find_entries(folder: Path) -> list[Entry]:
    """Shipped recipes, then the YAML files of `folder` that say `dltui:`. Reads files."""
    from dltui.recipe import shipped

    return [_entry(recipe) for recipe in shipped()] + list(_local(folder))


def _entry(recipe: ShippedRecipe) -> Entry:
    return Entry(
        recipe.name,
        recipe.family,
        recipe.path,
        recipe.about,
        recipe.task or "",
        recipe.expected,
        recipe.time,
        recipe.parameters,
        recipe.download,
        recipe.needs,
        recipe.error,
    )


def _local(folder: Path) -> Iterable[Entry]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                start = file.read(4096)
        except OSError:
            continue
        if any(line.startswith("dltui:") for line in start.splitlines()):
            about = next((s for s in start.splitlines() if s.startswith("about:")), "")
            yield Entry(path.name, HERE, path.resolve(), about.removeprefix("about:").strip(" '\""))


class RecipeTree(Tree[Entry]):
    """Recipes by family; moving the cursor posts `Chosen`, Enter posts `Started`."""

    BINDINGS = [
        Binding("enter", "select_cursor", "Train", id="train-recipe"),
        Binding("left", "close_family", "Close", show=False, id="close-family"),
        Binding("right", "open_family", "Open", show=False, id="open-family"),
    ]

    @dataclass
    class Chosen(Message):
        """The cursor stands on another recipe."""

        entry: Entry

    @dataclass
    class Started(Message):
        """Enter was pressed on a recipe."""

        entry: Entry

    def __init__(self, id: str) -> None:
        super().__init__("recipes", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.entries: tuple[Entry, ...] = ()

    @property
    def chosen(self) -> Entry | None:
        return self.cursor_node.data if self.cursor_node is not None else None

    def show(self, entries: Sequence[Entry], words: str = "") -> None:
        """Fill the tree with the entries in which every word of `words` occurs."""
        before = self.chosen
        self.entries = tuple(entries)
        self.clear()
        families: dict[str, TreeNode[Entry]] = {}
        keep: TreeNode[Entry] | None = None
        first: TreeNode[Entry] | None = None
        for entry in entries:
            if not _matches(entry, words):
                continue
            if entry.family not in families:
                families[entry.family] = self.root.add(entry.family, expand=True)
            leaf = families[entry.family].add_leaf(_label(entry), entry)
            first = first or leaf
            if before is not None and entry.path == before.path:
                keep = leaf
        target = keep or first
        if target is not None:
            self.call_after_refresh(self._put_cursor, target)

    def _put_cursor(self, leaf: TreeNode[Entry]) -> None:
        """Moves the cursor; the tree itself says nothing where another recipe took its line."""
        if leaf not in (known for family in self.root.children for known in family.children):
            return  # the tree has been filled anew since
        self.move_cursor(leaf)
        if leaf.data is not None:
            self.post_message(self.Chosen(leaf.data))

    def choose(self, name: str) -> None:
        """Put the cursor on the recipe called `name`, if it is listed."""
        for family in self.root.children:
            for leaf in family.children:
                if leaf.data is not None and leaf.data.name == name:
                    self.call_after_refresh(self.move_cursor, leaf)

    def action_close_family(self) -> None:
        node = self.cursor_node
        if node is not None:
            family = node if node.children else node.parent
            if family is not None and family is not self.root:
                family.collapse()
                self.move_cursor(family)

    def action_open_family(self) -> None:
        if self.cursor_node is not None:
            self.cursor_node.expand()

    @on(Tree.NodeHighlighted)
    def tell_choice(self, event: Tree.NodeHighlighted[Entry]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Chosen(event.node.data))

    @on(Tree.NodeSelected)
    def tell_start(self, event: Tree.NodeSelected[Entry]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Started(event.node.data))


def _matches(entry: Entry, words: str) -> bool:
    text = f"{entry.name} {entry.family} {entry.about} {entry.task}".casefold()
    return all(word in text for word in words.casefold().split())


def _label(entry: Entry) -> Text:
    text = Text(entry.label)
    if entry.error is not None:
        text.append("  ✗ broken", "bold red")
    elif entry.download:
        text.append("  ↓", "dim")
    return text
