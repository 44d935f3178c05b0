"""`dltui recipes`, `validate`, `new` and `schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.errors import Problem, RecipeError, UsageError

if TYPE_CHECKING:
    from dltui.recipe import ShippedRecipe

_WIDE_COLUMNS = 140
"""From here on there is room for the expected result."""
_NARROW_COLUMNS = 120
"""Below this, what a recipe is about matters more than its task and size."""


def list_recipes(*, as_json: bool) -> int:
    """The shipped recipes, by family."""
    from dltui.recipe import shipped

    found = shipped()
    if as_json:
        print(json.dumps([_as_json(recipe) for recipe in found], indent=2))
        return 0
    from rich.table import Table
    from rich.text import Text

    from dltui.cli.tables import UNCUT_COLUMNS, table_console

    console = table_console()
    is_wide = console.width >= _WIDE_COLUMNS
    is_narrow = console.width < _NARROW_COLUMNS
    is_cut = console.width < UNCUT_COLUMNS
    table = Table(box=None, pad_edge=False, header_style="dim", expand=is_cut)
    table.add_column("recipe", style="bold", no_wrap=True)
    if not is_narrow:
        table.add_column("task", no_wrap=True)
        table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("about", no_wrap=True, overflow="ellipsis", ratio=1)
    if is_wide:
        table.add_column(
            "expected", no_wrap=True, overflow="ellipsis", max_width=32 if is_cut else None
        )
    needed = [", ".join([*(["a download"] if r.download else []), *r.needs]) for r in found]
    table.add_column("needs", no_wrap=True)
    for recipe, needs in zip(found, needed, strict=True):
        size = f"{recipe.parameters:,}" if recipe.parameters is not None else ""
        row: list[str | Text] = [
            Text(recipe.name),
            *([] if is_narrow else [recipe.task, size]),
            Text(recipe.error or recipe.about, "red" if recipe.error else ""),
            *([Text(recipe.expected)] if is_wide else []),
            needs,
        ]
        table.add_row(*row)
    console.print(table)
    return 0


def _as_json(recipe: ShippedRecipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "path": str(recipe.path),
        "family": recipe.family,
        "task": recipe.task,
        "about": recipe.about,
        "parameters": recipe.parameters,
        "download": recipe.download,
        "needs": list(recipe.needs),
        "expected": recipe.expected,
        "time": recipe.time,
        "error": recipe.error,
    }


def validate(source: str, overrides: tuple[str, ...], *, as_json: bool, trust: bool) -> int:
    """Check the recipe and print its layer table. 2 where it has errors.

    Raises PluginError where it has a plugin and who was asked does not trust it.
    """
    from dltui.cli.train import ask_for_trust
    from dltui.launch import describe
    from dltui.recipe import load_recipe

    try:
        recipe = load_recipe(source, overrides)
        # Where nobody can be asked, that it is not trusted is one of its errors.
        if trust or (not as_json and sys.stdin.isatty()):
            ask_for_trust(recipe, agreed=trust)
        found = describe(recipe)
    except RecipeError as error:
        if not as_json:
            raise
        found = {"recipe": source, "parameters": None, "layers": []}
        found["errors"] = [problem.as_json() for problem in error.problems]
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print_description(found)
    return 2 if found["errors"] else 0


def _print_description(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from dltui.cli.tables import table_console

    for error in found["errors"]:
        print(Problem.from_json(error), file=sys.stderr)
    if found["errors"]:
        return
    for note in found.get("notes", ()):
        print(f"note: {note}", file=sys.stderr)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("layer", "type", "input", "output", "parameters"):
        table.add_column(title, justify="right" if title == "parameters" else "left")
    for row in found["layers"]:
        table.add_row(
            Text(row["name"]),
            Text(row["type"], "dim"),
            shape_text(row["input"]),
            shape_text(row["output"]),
            f"{row['parameters']:,}" if row["parameters"] else "·",
        )
    table_console().print(table)
    print(f"\n{found['recipe']}: {found['parameters']:,} parameters")


def shape_text(shape: Any) -> str:
    """`8×16×16`, or `8×16×16 + 10` where a layer has several inputs."""
    if isinstance(shape, list) and shape and isinstance(shape[0], list):
        return " + ".join(map(shape_text, shape))
    return "×".join(map(str, shape)) if isinstance(shape, list) else str(shape or "")


def copy_recipe(source: str | None, target: Path) -> int:
    """Write an own copy of a recipe, comments and all. Raises UsageError without a source."""
    from dltui.recipe import write_copy

    if source is None:
        raise UsageError(
            "which recipe shall it be a copy of?",
            remedy=f"dltui new {target} --from vision/cnn-digits; dltui recipes lists them all",
        )
    write_copy(source, target)
    print(f"{target} written; dltui train {target} trains it", file=sys.stderr)
    return 0


def print_schema() -> int:
    """The JSON Schema, e.g. for the YAML language server."""
    from dltui.recipe import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
