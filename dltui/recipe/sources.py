"""Where a recipe's text comes from: a path, a shipped name, standard input; and what it extends."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dltui import paths
from dltui.recipe.merge import merged
from dltui.recipe.names import nearest
from dltui.recipe.reader import LARGEST_BYTES, decode, read_yaml
from dltui.recipe.tree import Entry, Location, Problems

STDIN_FILE: Final = "<stdin>"
_SUFFIXES: Final = (".yaml", ".yml")
_LONGEST_CHAIN: Final = 20


@dataclass(frozen=True, slots=True)
class Source:
    """One recipe file as read. `file` names it in problems, `folder` anchors its relative paths."""

    file: str
    folder: Path
    text: str
    path: Path | None


def shipped_path(name: str) -> Path | None:
    """The file of a shipped recipe by its name `family/name`, None where there is none."""
    root = paths.shipped_recipes()
    if not name or name.startswith(("/", ".")) or ".." in name.split("/"):
        return None
    found = root / f"{name.removesuffix('.yaml')}.yaml"
    return found if found.is_file() else None


def shipped_names() -> list[str]:
    root = paths.shipped_recipes()
    return sorted(str(path.relative_to(root).with_suffix("")) for path in root.glob("*/*.yaml"))


def open_source(name: str, base: Path, place: Location | None, problems: Problems) -> Source | None:
    """The text behind a path, a shipped name or `-`; None with a problem where there is none.

    `base` is the folder that a relative path starts at; `place` is where the name was written
    (the `extends` key), None where it came from the command line.
    """
    if name == "-" and place is None:
        return _decoded(sys.stdin.buffer.read(LARGEST_BYTES + 1), STDIN_FILE, base, None, problems)
    if "://" in name:
        where = place or Location(name, 1, 1)
        said = "recipes are read from this machine only"
        problems.add(where, "extends" if place else "", said, typed="" if place else name)
        return None
    path = _find(name, base)
    if path is None:
        _add_missing(name, base, place, problems)
        return None
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where, key = (place, "extends") if place else (Location(name, 1, 1), "")
        problems.add(where, key, f"cannot read {path}: {reason}", typed="" if place else name)
        return None
    # A file is told by the name that the user typed; what it extends, by its whole path.
    typed = place is None and (base / name) == path
    return _decoded(data, name if typed else str(path), path.parent, path, problems)


def _find(name: str, base: Path) -> Path | None:
    try:
        path = base / Path(name).expanduser()
        if path.exists():
            if not path.is_dir():
                return path
            if shipped_path(name) is None:
                return path  # opening it tells that it is a folder
        return shipped_path(name)
    except (OSError, ValueError, RuntimeError):  # a name too long, with a null byte, `~nobody`
        return None


def _add_missing(name: str, base: Path, place: Location | None, problems: Problems) -> None:
    where, key = (place, "extends") if place else (Location(name[:200], 1, 1), "")
    message = f"there is no file `{name[:200]}`, and no shipped recipe of that name"
    if (near := nearest(name, [*shipped_names(), *_yaml_files(base)])) is not None:
        message += f"; did you mean `{near}`?"
    else:
        message += "; `dltui recipes` lists the shipped ones"
    problems.add(where, key, message, typed="" if place else name[:200])


def _yaml_files(folder: Path) -> Iterable[str]:
    try:
        return [path.name for path in folder.iterdir() if path.suffix in _SUFFIXES][:200]
    except OSError:
        return []


def _decoded(
    data: bytes, file: str, folder: Path, path: Path | None, problems: Problems
) -> Source | None:
    text = decode(data, file, problems)
    return None if text is None else Source(file, folder, text, path)


def read_chain(
    source: Source, notes: list[str], problems: Problems, seen: tuple[Path, ...] = ()
) -> Entry | None:
    """The recipe of `source` laid over everything that it extends; None where it has no map."""
    root = read_yaml(source.text, source.file, problems)
    start = Location(source.file, 1, 1)
    if root is None:
        if not any(problem.file == source.file for problem in problems.in_order()):
            problems.add(start, "", "the recipe is empty; `dltui new FILE --from RECIPE` makes one")
        return None
    if not isinstance(root.value, dict):
        problems.add(root.place, "", "a recipe is a map of sections (data, model, task, …)")
        return None
    below = {key: entry for key, entry in root.value.items() if key != "extends"}
    upper = _anchored(root.moved(below), source.folder)
    extends = root.value.get("extends")
    if extends is None:
        return upper
    if source.path is not None:
        seen = (*seen, source.path.resolve())
    return _over_parents(upper, extends, source, notes, problems, seen)


def _over_parents(
    upper: Entry,
    extends: Entry,
    source: Source,
    notes: list[str],
    problems: Problems,
    seen: tuple[Path, ...],
) -> Entry:
    names = extends.value if isinstance(extends.value, list) else [extends]
    base: Entry | None = None
    for entry in names:
        if not isinstance(entry.value, str):
            problems.add(entry.place, "extends", "expected the name or the path of a recipe")
            continue
        parent = open_source(entry.value, source.folder, entry.place, problems)
        if parent is None:
            continue
        resolved = parent.path.resolve() if parent.path else None
        if resolved in seen or len(seen) > _LONGEST_CHAIN:
            chain = " → ".join(path.name for path in (*seen, *([resolved] if resolved else [])))
            problems.add(entry.place, "extends", f"recipes extend each other in a circle: {chain}")
            continue
        read = read_chain(parent, notes, problems, seen)
        if read is not None:
            base = read if base is None else merged(base, read, notes)
    return upper if base is None else merged(base, upper, notes)


def anchored_overrides(entry: Entry, folder: Path) -> Entry:
    """Relative paths of overrides start at `folder`, those of files are absolute already."""
    return _anchored(entry, folder)


def _anchored(root: Entry, folder: Path) -> Entry:
    """The recipe with its relative paths made absolute, so that it can be merged and moved."""
    sections = dict(root.value)
    for section, keys in {"data": ("path", "cache"), "model": ("from", "weights")}.items():
        entry = sections.get(section)
        if entry is None or not isinstance(entry.value, dict):
            continue
        children = dict(entry.value)
        for key in keys:
            if key in children and (section == "data" or is_file_name(children[key].value)):
                children[key] = _absolute(children[key], folder)
        sections[section] = entry.moved(children)
    plugins = sections.get("plugins")
    if plugins is not None and isinstance(plugins.value, list):
        sections["plugins"] = plugins.moved([_absolute(item, folder) for item in plugins.value])
    return root.moved(sections)


def is_file_name(value: object) -> bool:
    """Whether `from:` or `weights:` names a file rather than a registered network."""
    if not isinstance(value, str):
        return False
    return value.startswith(("/", "./", "../", "~")) or Path(value).suffix in {
        ".pt", ".pth", ".ckpt", ".safetensors", ".bin",
    }  # fmt: skip


def _absolute(entry: Entry, folder: Path) -> Entry:
    if not isinstance(entry.value, str) or not entry.value or "\0" in entry.value:
        return entry
    try:
        path = Path(entry.value).expanduser()
    except RuntimeError:  # `~nobody`
        return entry
    return entry.moved(str(path if path.is_absolute() else (folder.absolute() / path)))
