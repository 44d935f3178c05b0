"""Shapes, parameters and data facts of a recipe, from a helper process that has torch."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui import __version__
from dltui.errors import DltuiError, Problem, RecipeError
from dltui.launch.command import worker_environment
from dltui.paths import cache_folder
from dltui.runs.atomic import write_atomic
from dltui.runs.clean import clean_json, printable

if TYPE_CHECKING:
    from dltui.recipe import Recipe

LIMIT_S = 600.0
_KEPT = 200


def describe(recipe: Recipe, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The object of `dltui validate --json` and the facts of the data under `data`.

    `overrides` come on top of those the recipe was loaded with. Its `errors` are empty or the
    recipe cannot be trained. A sound answer is kept by recipe, data and plugin files. Raises
    DltuiError if the helper process fails.
    """
    known = known_description(recipe, overrides)
    if known is not None:
        return known
    found = _ask(recipe, [*recipe.overrides, *overrides])
    keep_description(recipe, overrides, found)
    return found


def known_description(recipe: Recipe, overrides: Sequence[str]) -> dict[str, Any] | None:
    """What an earlier check of the same recipe, data and plugin files found."""
    return _read(_place(recipe, overrides))


def keep_description(recipe: Recipe, overrides: Sequence[str], found: dict[str, Any]) -> None:
    """Remembers a sound description."""
    if not found["errors"]:
        _keep(_place(recipe, overrides), found)


def _place(recipe: Recipe, overrides: Sequence[str]) -> Path:
    return cache_folder() / "described" / f"{_key(recipe, overrides)}.json"


def raise_problems(found: dict[str, Any]) -> None:
    """Raises RecipeError with all `errors` of a description, if there are any."""
    if found["errors"]:
        raise RecipeError([Problem.from_json(each) for each in found["errors"]])


def _ask(recipe: Recipe, overrides: Sequence[str]) -> dict[str, Any]:
    source = "-" if recipe.path is None else str(recipe.path)
    done = subprocess.run(
        [sys.executable, "-m", "dltui.worker.describe", source, *overrides],
        input=recipe.source_text if recipe.path is None else "",
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT_S,
        env=worker_environment(),
        check=False,
    )
    return answer(done.stdout, done.stderr, done.returncode, recipe.name)


def answer(line: str | bytes, said: str, code: int, name: str) -> dict[str, Any]:
    """The description in `line`; DltuiError with what the helper `said` where it holds none."""
    try:
        found = clean_json(json.loads(line))
        if isinstance(found, dict) and isinstance(found["errors"], list):
            return found
    except (ValueError, KeyError, RecursionError):
        pass
    told = printable(said, lines=True).strip().splitlines()
    if code == 2 and told:
        # What dltui raises on purpose is printed as it stands: message, place and remedy.
        raise DltuiError("\n".join(told))
    raise DltuiError(
        f"the check of the recipe ended with code {code}",
        where=name,
        remedy="\n  ".join(told[-20:]) or None,
    )


def _key(recipe: Recipe, overrides: Sequence[str]) -> str:
    facts = [
        recipe.hash(),
        # Errors and notes name the file and its lines.
        str(recipe.path),
        recipe.source_text,
        *overrides,
        __version__,
        metadata.version("torch"),
        os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    ]
    files = [Path(text) for text in _texts(recipe.raw.get("data")) if text.startswith(os.sep)]
    facts += [_file_key(path) for path in [*files, *recipe.plugins]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _file_key(path: Path) -> str:
    """Changes whenever the file does, or, for a folder, whenever names in it or below it do."""
    try:
        found = path.stat()
        below = sorted(path.iterdir()) if path.is_dir() else []
        stamps = [item.stat().st_mtime_ns for item in below if item.is_dir()]
    except OSError as error:
        return f"{path}: {error.errno}"
    return f"{path}: {found.st_mtime_ns} {found.st_size} {stamps}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _keep(path: Path, found: dict[str, Any]) -> None:
    """Best effort: without a cache the helper process is asked each time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, json.dumps(found), sync=False)
        by_age = sorted(path.parent.glob("*.json"), key=lambda item: item.stat().st_mtime)
        for old in by_age[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return
