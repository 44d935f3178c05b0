"""The recipes that come with dltui: a quick listing, and copies to start one's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dltui import paths
from dltui.errors import UsageError
from dltui.recipe.names import unknown
from dltui.recipe.reader import read_yaml
from dltui.recipe.sources import shipped_names, shipped_path
from dltui.recipe.tree import Problems

_LARGEST_BYTES: Final = 1_000_000
_FACT = re.compile(r"#\s*(expected|time|parameters|needs)\s*:\s*(.+?)\s*$")
_TOP_LEVEL = re.compile(r"([A-Za-z_]+)\s*:\s*(.*?)\s*$")
_INDENTED = re.compile(r"( +)([^\s#].*)")
_TYPE = re.compile(r"type\s*:\s*([A-Za-z0-9_-]+)")
_FLOW_PART = re.compile(r"[\[{]|[\]}]|\btype\s*:\s*([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """One shipped recipe as lists show it; the facts come from its leading comments.

    `name` is `family/file`, e.g. `vision/cnn-digits`. `error` says why it cannot be listed;
    problems inside are found when it is loaded.
    """

    name: str
    family: str
    path: Path
    about: str
    task: str
    error: str | None = None
    parameters: int | None = None
    expected: str = ""
    time: str = ""
    download: bool = False
    needs: tuple[str, ...] = ()


_FIRST = ("basics", "vision", "tabular", "language")


def shipped() -> list[ShippedRecipe]:
    """Every shipped recipe, from a light read of its text that checks nothing.

    By family, those that a beginner starts with first and the landmarks last; then by name.
    """
    root = paths.shipped_recipes()
    return [_listed(path, root) for path in sorted(root.glob("*/*.yaml"), key=_place)]


def _place(path: Path) -> tuple[int, str]:
    family = path.parent.name
    if family in _FIRST:
        return _FIRST.index(family), str(path)
    return len(_FIRST) + (family == "landmarks"), str(path)


def _listed(path: Path, root: Path) -> ShippedRecipe:
    name = path.relative_to(root).with_suffix("").as_posix()
    family = name.partition("/")[0]
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return ShippedRecipe(name, family, path, "", "", error=f"cannot be read: {error}")
    facts = _header_facts(text)
    values = _with_parent(_top_level_values(text), (name,))
    if not {"data", "task", "extends"} & set(values):
        return ShippedRecipe(name, family, path, "", "", error="this is not a recipe")
    needs = [part.strip() for part in facts.get("needs", "").split(",") if part.strip()]
    digits = re.sub(r"[^0-9]", "", facts.get("parameters", "").split(" ")[0])
    return ShippedRecipe(
        name,
        family,
        path,
        about=values.get("about", ""),
        task=values.get("task", ""),
        parameters=int(digits) if digits else None,
        expected=facts.get("expected", ""),
        time=facts.get("time", ""),
        download=values.get("data") == "torchvision" or "download" in needs,
        needs=tuple(need for need in needs if need != "download"),
    )


def _with_parent(values: dict[str, str], seen: tuple[str, ...]) -> dict[str, str]:
    """With what a shipped recipe that it extends says; anything else is told when it is loaded."""
    parent = values.get("extends", "")
    path = shipped_path(parent)
    if path is None or parent in seen:
        return values
    try:
        above = _top_level_values(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return values
    said = {key: value for key, value in values.items() if value}
    return {**_with_parent(above, (*seen, parent)), **said}


def _header_facts(text: str) -> dict[str, str]:
    """`# expected: …` and the like in the comment block that opens the file."""
    facts: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if fact := _FACT.match(line):
            facts[fact[1]] = fact[2]
    return facts


def _top_level_values(text: str) -> dict[str, str]:
    """Top-level keys to their one-line text, or for maps to their `type`."""
    values: dict[str, str] = {}
    key, indent = "", 0
    for line in text.splitlines():
        if found := _TOP_LEVEL.match(line):
            key, value, indent = found[1], found[2], 0
            values[key] = _flow_type(value) if value.startswith("{") else _unquoted(value)
        elif key and values[key] in ("", ">", "|", ">-", "|-") and (inner := _INDENTED.match(line)):
            indent = indent or len(inner[1])
            if key == "about":
                values[key] = _unquoted(inner[2].strip())
            elif len(inner[1]) == indent and (kind := _TYPE.match(inner[2])):
                values[key] = kind[1]
    return values


def _flow_type(text: str) -> str:
    """The `type` of a map on one line, not that of a map inside it."""
    depth = 0
    for part in _FLOW_PART.finditer(text):
        if part[1] and depth == 1:
            return part[1]
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(part[0], 0)
    return ""


def _unquoted(value: str) -> str:
    if value[:1] in ('"', "'"):
        return value[1:].partition(value[0])[0]
    return value.partition(" #")[0].strip()


def write_copy(name: str, target: Path) -> None:
    """A copy of a shipped recipe, comments and all, as a start for one's own.

    The plugin files that it names beside itself are copied beside `target`.

    Raises:
        UsageError: there is no such recipe, or `target` or such a file exists or cannot be written.
    """
    source = shipped_path(name) or (Path(name) if Path(name).is_file() else None)
    if source is None:
        raise UsageError(unknown("recipe", name, shipped_names()))
    try:
        text = source.read_text("utf-8")
        copies = {target: text}
        for plugin in _plugins_beside(source, text):
            copies[target.parent / plugin] = (source.parent / plugin).read_text("utf-8")
        taken = next((path for path in copies if path.exists()), None)
        if taken is not None:
            raise UsageError(
                f"{taken} exists already", remedy="Choose another folder or name, or remove it."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        for path, content in copies.items():
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
    except FileExistsError:
        raise UsageError(
            f"{target} exists already", remedy="Choose another name, or remove the file."
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot write {target}: {reason}") from None


def _plugins_beside(source: Path, text: str) -> list[str]:
    """The plugin files of a recipe that lie in its own folder, by name."""
    root = read_yaml(text, str(source), Problems())
    plugins = None if root is None or not isinstance(root.value, dict) else root.get("plugins")
    if plugins is None or not isinstance(plugins.value, list):
        return []
    names = [entry.value for entry in plugins.value if isinstance(entry.value, str)]
    return [name for name in names if Path(name).name == name and (source.parent / name).is_file()]
