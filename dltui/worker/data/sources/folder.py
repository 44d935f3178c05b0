"""A folder of images: one subfolder a class, or train/, val/ and test/ of such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import FolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples
from dltui.worker.data.images import ImageFiles, checked, opens
from dltui.worker.data.sources.broken_files import all_broken, skipped_note
from dltui.worker.data.sources.class_folders import (
    ClassFolders,
    FileKind,
    class_folders,
    promised_folders,
)
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import SUFFIXES, decoded, decoded_once, image_size

_IMAGES = FileKind(
    "images",
    "Put the images of each class in a subfolder of its own: cats/1.png, dogs/2.png.",
    SUFFIXES,
)


def outline(section: FolderData, task: str) -> Outline:
    """Lists the folder, and opens images of each part until one is sound.

    Where the folder is not there yet but the recipe says how many classes it will have, the model
    can be shown all the same: sizes stay unknown.
    """
    root = Path(section.path).expanduser()
    if section.classes is not None and not root.exists():
        known = _outline(section, task, promised_folders(section.path, section.classes))
        return replace(known, info=replace(known.info, needs_download=True))
    found = class_folders(root, _IMAGES)
    known = _outline(section, task, found)
    for name, (files, _) in found.parts.items():
        if not any(map(opens, files)):
            raise all_broken(name, files, root)
    return known


def read(section: FolderData, task: str, say: Say | None = None) -> Loaded:
    """Decodes small sets; of large ones checks only that every file opens.

    Broken images are left out, named in the notes.
    """
    root = Path(section.path).expanduser()
    found = class_folders(root, _IMAGES)
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


def _outline(section: FolderData, task: str, found: ClassFolders) -> Outline:
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
