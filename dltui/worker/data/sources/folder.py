"""A folder of images: one subfolder a class, or train/, val/ and test/ of such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import FolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples
from dltui.worker.data.images import ImageFiles, checked, opens
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import (
    NAMED,
    SUFFIXES,
    all_broken,
    decoded,
    decoded_once,
    image_size,
    skipped_note,
)

_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

_ORDER: tuple[str, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class _Found:
    """Image files with their class numbers, by part."""

    classes: tuple[str, ...]
    parts: Mapping[str, tuple[list[Path], list[int]]]
    notes: tuple[str, ...]


def outline(section: FolderData, task: str) -> Outline:
    """Lists the folder, and opens images of each part until one is sound.

    Where the folder is not there yet but the recipe says how many classes it will have, the model
    can be shown all the same: sizes stay unknown.
    """
    root = Path(section.path).expanduser()
    if section.classes is not None and not root.exists():
        return _promised(section, task, section.classes)
    found = _scan(root)
    known = _outline(section, task, found)
    for name, (files, _) in found.parts.items():
        if not any(map(opens, files)):
            raise all_broken(name, files, root)
    return known


def _promised(section: FolderData, task: str, classes: int) -> Outline:
    note = f"there is no folder {section.path} yet: shown with data.classes = {classes:,}"
    names = tuple(f"class {number}" for number in range(classes))
    known = _outline(section, task, _Found(names, {}, (note,)))
    return Outline(replace(known.info, needs_download=True), {})


def read(section: FolderData, task: str, say: Say | None = None) -> Loaded:
    """Decodes small sets; of large ones checks only that every file opens.

    Broken images are left out, named in the notes.
    """
    root = Path(section.path).expanduser()
    found = _scan(root)
    known = _outline(section, task, found)
    height, width = known.info.shape[1:]
    size_bytes = section.channels * height * width * sum(known.sizes.values())
    in_memory = decoded_once(section.on_device, size_bytes)
    parts: dict[str, Examples] = {}
    broken: list[str] = []
    for name, (files, labels) in found.parts.items():
        images = ImageFiles(files, torch.tensor(labels), (height, width), section.channels)
        part, bad = decoded(images, say) if in_memory else checked(images)
        if not len(part):
            raise all_broken(name, files, root)
        parts[name] = part
        broken += bad
    return Loaded(known, parts, "images", notes=skipped_note("broken images", broken, root))


def _outline(section: FolderData, task: str, found: _Found) -> Outline:
    info = DataInfo(
        shape=(section.channels, *image_size(section.size)),
        dtype="float32",
        target="class",
        classes=len(found.classes),
        class_names=found.classes,
        notes=found.notes,
    )
    check_task(info, task, f"the folder {section.path}")
    return Outline(info, {name: len(files) for name, (files, _) in found.parts.items()})


def _scan(root: Path) -> _Found:
    if not root.is_dir():
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    folders = _subfolders(root)
    named = {_PARTS[path.name.lower()]: path for path in folders if path.name.lower() in _PARTS}
    if "train" in named and len(named) == len(folders) and _subfolders(named["train"]):
        sources: dict[str, Path] = {name: named[name] for name in _ORDER if name in named}
    else:
        sources = {"all": root}
    notes: list[str] = []
    listed = {name: _by_class(path, root, notes) for name, path in sources.items()}
    classes = tuple(next(iter(listed.values())))
    _check_classes(root, classes, listed)
    for part, found in listed.items():
        absent = [name for name in classes if name not in found]
        if absent:
            notes.append(f"{part} has no images of {', '.join(absent[:NAMED])}: not judged there")
    place = {name: number for number, name in enumerate(classes)}
    parts = {}
    for part, files in listed.items():
        flat = [(file, place[name]) for name, found in files.items() for file in found]
        parts[part] = ([file for file, _ in flat], [label for _, label in flat])
    return _Found(classes, parts, tuple(notes))


def _check_classes(
    root: Path, classes: tuple[str, ...], listed: Mapping[str, Mapping[str, list[Path]]]
) -> None:
    remedy = "Put the images of each class in a subfolder of its own: cats/1.png, dogs/2.png."
    if not classes:
        raise DataError("no subfolder holds images", where=str(root), remedy=remedy)
    if len(classes) == 1:
        raise DataError(f"there is one class only: {classes[0]}", where=str(root), remedy=remedy)
    for part, files in listed.items():
        strange = sorted(set(files) - set(classes))
        if strange:
            raise DataError(
                f"{part} has a class that train has not: {strange[0]}",
                where=str(root),
                remedy="Give every class images in train, or remove the folder.",
            )
        if not files:
            raise DataError(f"{part} holds no images", where=str(root), remedy=remedy)


def _by_class(path: Path, root: Path, notes: list[str]) -> dict[str, list[Path]]:
    """Image files by class; empty classes and other files become notes."""
    found: dict[str, list[Path]] = {}
    odd: list[Path] = []
    for folder in _subfolders(path):
        files = sorted(
            file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")
        )
        images = [file for file in files if file.suffix.lower() in SUFFIXES]
        odd += [file for file in files if file.suffix.lower() not in SUFFIXES]
        if images:
            found[folder.name] = images
        else:
            notes.append(f"the class {folder.relative_to(root)} has no images")
    if odd:
        notes.append(f"{len(odd):,} files are no images: {odd[0].relative_to(root)}, …")
    return found


def _subfolders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"the folder cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check its permissions.",
        ) from error
