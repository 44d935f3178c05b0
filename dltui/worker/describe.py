"""What a recipe would train, found out without training: `dltui validate`, for all readers.

`python -m dltui.worker.describe RECIPE [key=value …] [--data-only]` prints one JSON object:
`{recipe, parameters, layers, errors, data, notes}`. Exit code 0, or 2 where there are errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dltui.errors import DataError, DltuiError, Problem, RecipeError
from dltui.recipe import load_recipe
from dltui.worker.mismatch import pair_that_does_not_fit

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.recipe.data_info import DataInfo
    from dltui.recipe.nodes import KeyPath

T = TypeVar("T")
_BYTES_PER_PARAMETER = 8
"""float32 weight and gradient: the least that any optimiser needs."""


def describe_recipe(
    source: str | Path, overrides: Sequence[str] = (), *, data_only: bool = False
) -> dict[str, Any]:
    """The object of the module's docstring; never raises for what is wrong with the recipe."""
    found: dict[str, Any] = {
        "recipe": str(source),
        "parameters": None,
        "layers": [],
        "errors": [],
        "data": None,
        "notes": [],
    }
    try:
        recipe = load_recipe(source, overrides)
    except DltuiError as error:
        found["errors"] = _as_json(error, lambda text: Problem(str(source), 1, 1, "", text))
        return found
    if str(source) == "-":
        found["recipe"] = recipe.name
    found["notes"] += recipe.notes
    source_key = ("data", "path") if hasattr(recipe.data, "path") else ("data",)
    info = _attempt(recipe, source_key, found, lambda: _data(recipe, found))
    if info is not None and not data_only:
        _attempt(recipe, ("model",), found, lambda: _model(recipe, info, found))
        _attempt(recipe, ("task",), found, lambda: _task(recipe, info))
        _attempt(recipe, ("metrics",), found, lambda: _metrics(recipe, info))
        _attempt(recipe, ("optimizer",), found, lambda: _optimizer(recipe))
        device = ("trainer", "device")
        _attempt(recipe, ("trainer", "devices"), found, lambda: _devices(recipe))
        _attempt(recipe, device, found, lambda: _device(recipe, found["parameters"]))
    return found


def describe_aside(
    source: str | Path, overrides: Sequence[str] = (), *, data_only: bool = False
) -> dict[str, Any]:
    """As `describe_recipe`; what plugins and libraries print meanwhile goes to stderr."""
    with redirect_stdout(sys.stderr):
        return describe_recipe(source, overrides, data_only=data_only)


def _attempt(
    recipe: Recipe, key: KeyPath, found: dict[str, Any], check: Callable[[], T]
) -> T | None:
    """What `check` gives, or None and its error, placed at `key` if it has no place."""
    try:
        return check()
    except DltuiError as error:
        named = error.key if isinstance(error, DataError) else _plugin_key(recipe, error)
        if isinstance(error, DataError) and named is not None:
            error.where = None
        found["errors"] += _as_json(error, lambda text: recipe.problem(named or key, text))
        return None
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        mismatch = pair_that_does_not_fit(error)
        if mismatch is None:
            raise
        found["errors"] += _as_json(mismatch, lambda text: recipe.problem(key, text))
        return None


def _plugin_key(recipe: Recipe, error: DltuiError) -> KeyPath | None:
    """The key that names the file, where a whole plugin file is at fault and not a line of it."""
    files = [str(path) for path in recipe.plugins]
    return ("plugins", files.index(error.where)) if error.where in files else None


def _as_json(error: DltuiError, place: Callable[[str], Problem]) -> list[dict[str, str | int]]:
    """Errors without a place in the recipe get the place of the section that they are about."""
    if isinstance(error, RecipeError):
        return [problem.as_json() for problem in error.problems]
    return [{**place(str(error)).as_json(), "kind": type(error).__name__}]


def _data(recipe: Recipe, found: dict[str, Any]) -> DataInfo:
    from dltui.worker.data import describe  # imports torch

    info = describe(recipe)
    found["data"] = asdict(info)
    found["notes"] += info.notes
    return info


def _model(recipe: Recipe, info: DataInfo, found: dict[str, Any]) -> None:
    from dltui.graph import shape_table  # imports torch

    rows = shape_table(recipe, info)
    found["layers"] = [asdict(row) for row in rows]
    found["parameters"] = sum(row.parameters for row in rows)


def _task(recipe: Recipe, info: DataInfo) -> None:
    from dltui.worker.tasks import build_task  # imports torch

    build_task(recipe, info).check()


def _optimizer(recipe: Recipe) -> None:
    from dltui.worker.optimizers import check_optimizers  # imports torch

    check_optimizers(recipe)


def _metrics(recipe: Recipe, info: DataInfo) -> None:
    from dltui.worker.metrics import check_guesses  # imports torch

    check_guesses(recipe, info)


def _devices(recipe: Recipe) -> None:
    from dltui.worker.device import check_devices  # imports torch

    check_devices(recipe)


def _device(recipe: Recipe, parameters: int | None) -> None:
    from dltui.worker.device import check_memory, choose_device  # imports torch

    check_memory(choose_device(recipe.trainer.device), (parameters or 0) * _BYTES_PER_PARAMETER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the description; 0 where nothing is wrong, else 2."""
    parser = argparse.ArgumentParser("python -m dltui.worker.describe")
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--data-only", action="store_true", help="leave the model out")
    options = parser.parse_args(arguments)
    found = describe_aside(options.recipe, options.overrides, data_only=options.data_only)
    print(json.dumps(found))
    return 2 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
