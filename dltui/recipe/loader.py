"""`load_recipe`: from a name, a path or standard input to a checked Recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltui.errors import PluginError, RecipeError
from dltui.recipe.model.section import read_models
from dltui.recipe.names import described
from dltui.recipe.nodes import KeyPath, Model
from dltui.recipe.overrides import with_overrides
from dltui.recipe.plugins import PluginName, plugin_names
from dltui.recipe.recipe import Recipe
from dltui.recipe.rules import Rules
from dltui.recipe.schema.root import SECTIONS
from dltui.recipe.schema.sweep import SweepSection
from dltui.recipe.sections import read_sections
from dltui.recipe.sources import (
    Source,
    anchored_overrides,
    open_source,
    read_chain,
)
from dltui.recipe.space import UNSEARCHED, dimension, override
from dltui.recipe.tree import Entry, Problems, TooManyProblems, nearest_entry, plain


def load_recipe(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The checked recipe of a path, a shipped name (`vision/cnn-digits`) or `-` for stdin.

    `overrides` are `key.path=value` texts, whose relative paths start at the working folder.

    Raises:
        RecipeError: with every problem of the recipe at once.
    """
    problems = Problems(overrides)
    opened = open_source(str(source), Path.cwd(), None, problems)
    if opened is None:
        raise RecipeError(problems.in_order())
    return _loaded(opened, overrides, problems)


def parse_recipe(text: str, path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The checked recipe of a text that is being edited; `path` is where it would be saved.

    Raises:
        RecipeError: with every problem of the recipe at once.
    """
    opened = Source(str(path), path.parent, text, path)
    return _loaded(opened, overrides, Problems(overrides))


def _loaded(opened: Source, overrides: Sequence[str], problems: Problems) -> Recipe:
    try:
        return _checked(opened, overrides, problems)
    except TooManyProblems:
        raise RecipeError(problems.in_order()) from None


def _checked(opened: Source, overrides: Sequence[str], problems: Problems) -> Recipe:
    notes: list[str] = []
    root = read_chain(opened, notes, problems)
    if root is None or any(problem.path == "extends" for problem in problems.in_order()):
        # Without what it extends, half of the recipe would be told to be missing.
        raise RecipeError(problems.in_order())
    root = with_overrides(root, overrides, notes, problems)
    root = anchored_overrides(root, Path.cwd())
    root = _named(root, opened)
    plugins, sections, models = _parts(root, problems)
    if not problems and sections.get("sweep") is not None:
        _check_space(root, sections["sweep"], problems)
    if problems:
        raise RecipeError(problems.in_order())
    return Recipe(
        name=root.value["name"].value,
        about=_text(root.get("about")),
        raw=_in_order(plain(root)),
        data=sections["data"],
        models=models,
        task=sections["task"],
        optimizers=sections["optimizers"],
        scheduler=sections["scheduler"],
        trainer=sections["trainer"],
        diagnostics=sections["diagnostics"],
        metrics=sections["metrics"],
        callbacks=sections["callbacks"],
        sweep=sections.get("sweep"),
        plugins=plugins,
        path=opened.path,
        source_text=opened.text,
        overrides=tuple(overrides),
        notes=tuple(notes),
        root=root,
    )


def _parts(
    root: Entry, problems: Problems
) -> tuple[tuple[Path, ...], dict[str, Any], dict[str, Model]]:
    """The plugin files, the checked sections and the networks."""
    plugins, names = _read_plugins(root, problems)
    sections = read_sections(root, problems)
    models = read_models(root, names, problems)
    Rules(root, sections, names, problems).check()
    return plugins, sections, models


def _check_space(root: Entry, sweep: SweepSection, problems: Problems) -> None:
    """Every key of a sweep's space must take the values that it is to be tried with."""
    alone = root.moved({key: entry for key, entry in root.value.items() if key != "sweep"})
    for key, said in sweep.space.items():
        path: KeyPath = ("sweep", "space", key)
        place = nearest_entry(root, path)[0].key_or_value
        try:
            tried = dimension(said).ends
            if key.split(".")[0] in UNSEARCHED:
                raise ValueError(f"`{key.split('.')[0]}` is no setting of a training")
        except ValueError as error:
            problems.add(place, path, str(error))
            continue
        if sweep.sampler == "grid" and dimension(said).grid is None:
            message = f"a grid is of `choice` and `int`; {next(iter(said))} has no end of values"
            problems.add(place, path, message)
        for text in (override(key, value) for value in tried):
            inner = Problems((text,))
            changed = with_overrides(alone, (text,), [], inner)
            if not inner:
                _parts(changed, inner)
            if inner:
                problems.add(place, path, f"with {text}: {inner.in_order()[0].message}")
                break


def _text(entry: Entry | None) -> str:
    return entry.value if entry is not None and isinstance(entry.value, str) else ""


def _in_order(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: raw[key] for key in SECTIONS if key in raw}


def _named(root: Entry, source: Source) -> Entry:
    """The recipe with a name: its own, else the file's."""
    name = root.get("name")
    if name is not None and name.value is not None:
        return root
    stem = source.path.stem if source.path is not None else "recipe"
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in stem)
    safe = safe.strip("._-")[:80] or "recipe"
    return root.moved({**root.value, "name": Entry(safe, root.place)})


def _read_plugins(root: Entry, problems: Problems) -> tuple[tuple[Path, ...], list[PluginName]]:
    entry = root.get("plugins")
    if entry is None or entry.value is None:
        return (), []
    if not isinstance(entry.value, list):
        said = described(plain(entry))
        problems.add(entry.place, "plugins", f"expected a list of Python files, not {said}")
        return (), []
    files: list[Path] = []
    names: list[PluginName] = []
    for index, item in enumerate(entry.value):
        path: KeyPath = ("plugins", index)
        if not isinstance(item.value, str) or not item.value.endswith(".py"):
            said = described(plain(item))
            problems.add(item.place, path, f"expected the path of a .py file, not {said}")
            continue
        try:
            names += plugin_names(Path(item.value))
        except PluginError as error:
            problems.add(item.place, path, f"{error.where}: {error.message}")
            continue
        files.append(Path(item.value))
    return tuple(files), names
