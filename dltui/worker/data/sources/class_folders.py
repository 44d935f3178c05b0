"""Folders with a subfolder a class: their files, or train/, val/ and test/ of such."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from dltui.errors import DataError
from dltui.worker.data.sources.broken_files import NAMED

_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_ORDER = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class FileKind:
    """What the files of the classes are, in words and by their names."""

    name: str
    """In the plural: `images`."""
    remedy: str
    """Where such files are to be put."""
    suffixes: frozenset[str] = frozenset()
    """In lower case; empty where any will do."""
    glob: str | None = None
    """What of a class's folder is meant; None for all that is below it."""


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """Files with their class numbers, by part: `all`, or `train` and its like."""

    classes: tuple[str, ...]
    parts: Mapping[str, tuple[list[Path], list[int]]]
    notes: tuple[str, ...]


def class_folders(root: Path, kind: FileKind) -> ClassFolders:
    """Lists what is below `root`; empty classes and other files become notes.

    Raises `DataError` where there is no such folder, or fewer than two classes.
    """
    notes: list[str] = []
    listed = {name: _by_class(path, root, kind, notes) for name, path in _parts(root).items()}
    classes = checked_classes(listed, kind, str(root))
    for part, found in listed.items():
        absent = [name for name in classes if name not in found]
        if absent:
            named = ", ".join(absent[:NAMED])
            notes.append(f"{part} has no {kind.name} of {named}: not judged there")
    place = {name: number for number, name in enumerate(classes)}
    parts = {}
    for part, files in listed.items():
        flat = [(file, place[name]) for name, found in files.items() for file in found]
        parts[part] = ([file for file, _ in flat], [label for _, label in flat])
    return ClassFolders(classes, parts, tuple(notes))


def promised_folders(path: str, classes: int) -> ClassFolders:
    """Of a folder that is not there yet, but whose number of classes the recipe tells."""
    note = f"there is no folder {path} yet: shown with data.classes = {classes:,}"
    return ClassFolders(tuple(f"class {number}" for number in range(classes)), {}, (note,))


def checked_classes(
    by_part: Mapping[str, Collection[str]], kind: FileKind, where: str
) -> tuple[str, ...]:
    """The classes of the first part, in order, of the classes that each part has.

    Raises `DataError` where they are fewer than two, or where another part has one more.
    """
    classes = tuple(sorted(set(next(iter(by_part.values())))))
    if not classes:
        raise DataError(f"no subfolder holds {kind.name}", where=where, remedy=kind.remedy)
    if len(classes) == 1:
        raise DataError(f"there is one class only: {classes[0]}", where=where, remedy=kind.remedy)
    for part, found in by_part.items():
        strange = sorted(set(found) - set(classes))
        if strange:
            raise DataError(
                f"{part} has a class that train has not: {strange[0]}",
                where=where,
                remedy=f"Give every class {kind.name} in train, or take it out.",
            )
        if not found:
            raise DataError(f"{part} holds no {kind.name}", where=where, remedy=kind.remedy)
    return classes


def _parts(root: Path) -> dict[str, Path]:
    if not root.is_dir():
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    folders = _subfolders(root)
    named = {_PARTS[path.name.lower()]: path for path in folders if path.name.lower() in _PARTS}
    if "train" in named and len(named) == len(folders) and _subfolders(named["train"]):
        return {name: named[name] for name in _ORDER if name in named}
    return {"all": root}


def _by_class(path: Path, root: Path, kind: FileKind, notes: list[str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    odd: list[Path] = []
    for folder in _subfolders(path):
        files = sorted(
            file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")
        )
        fitting = _fitting(folder, files, kind)
        odd += sorted(set(files).difference(fitting))
        if fitting:
            found[folder.name] = fitting
        else:
            notes.append(f"the class {folder.relative_to(root)} has no {kind.name}")
    if odd:
        notes.append(f"{len(odd):,} files are no {kind.name}: {odd[0].relative_to(root)}, …")
    return found


def _fitting(folder: Path, files: list[Path], kind: FileKind) -> list[Path]:
    meant = set(files) if kind.glob is None else set(folder.glob(kind.glob))
    return [
        file
        for file in files
        if file in meant and (not kind.suffixes or file.suffix.lower() in kind.suffixes)
    ]


def _subfolders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"the folder cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check its permissions.",
        ) from error
