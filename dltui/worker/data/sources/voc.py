"""The folder of a Pascal VOC year (Everingham et al. 2010): boxes in XML, masks as palette PNGs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import VocData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.boxes import Box, BoxCheck
from dltui.worker.data.examples import Examples
from dltui.worker.data.images import seen_sizes
from dltui.worker.data.masks import MaskFile
from dltui.worker.data.sources.broken_files import all_broken, skipped_note
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import boxed_pictures, image_size, masked_pictures
from dltui.worker.data.sources.shapes import BACKGROUND

CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
]  # fmt: skip
"""The twenty classes, in the order of the masks' numbers from 1 on."""

_LISTS = {"boxes": "Main", "mask": "Segmentation"}
_PARTS = ("train", "val", "test")


class _FormatError(ValueError):
    """An annotation that is not one of VOC; says what is wrong with it."""


def outline(section: VocData, task: str) -> Outline:
    """Reads the lists of ImageSets; without the folder the classes are known all the same."""
    info = _info(section, task)
    root = Path(section.path).expanduser()
    if not root.exists():
        note = f"there is no folder {section.path} yet: shown with {info.classes} classes"
        return Outline(replace(info, needs_download=True, notes=(note,)), {})
    return Outline(info, {name: len(names) for name, names in _listed(root, info).items()})


def read(section: VocData, task: str, say: Say | None = None) -> Loaded:
    """Pictures whose annotation is broken are left out, named with the reason."""
    root = Path(section.path).expanduser()
    known = outline(section, task)
    if not known.sizes:
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    parts: dict[str, Examples] = {}
    bad: list[str] = []
    check = BoxCheck()
    difficult = 0
    for name, ids in _listed(root, known.info).items():
        images = [root / "JPEGImages" / f"{number}.jpg" for number in ids]
        if known.info.target == "mask":
            files = [root / "SegmentationClass" / f"{number}.png" for number in ids]
            masks = [MaskFile(file, known.info.classes or 0) for file in files]
            part, skipped = masked_pictures(images, masks, seen_sizes(files), section, say)
        else:
            boxes: list[list[Box] | str] = []
            for number in ids:
                try:
                    found, hard = _boxes(
                        root / "Annotations" / f"{number}.xml", section, known.info
                    )
                    difficult += hard
                    boxes.append(found)
                except _FormatError as error:
                    boxes.append(str(error))
            part, skipped = boxed_pictures(images, boxes, check, section, say)
        if not len(part):
            raise all_broken(name, images, root, skipped[0])
        parts[name] = part
        bad += skipped
    notes = (*skipped_note("pictures", bad, root), *check.notes())
    if difficult:
        notes = (*notes, f"{difficult:,} boxes marked as difficult are not asked for")
    return Loaded(known, parts, "images", notes=notes)


def _info(section: VocData, task: str) -> DataInfo:
    names = tuple(section.classes or CLASSES)
    masked = "mask" in TASKS[task].learns
    info = DataInfo(
        shape=(section.channels, *image_size(section.size)),
        dtype="float32",
        target="mask" if masked else "boxes",
        classes=len(names) + masked,
        class_names=(BACKGROUND, *names) if masked else names,
    )
    check_task(info, task, f"the VOC folder {section.path}")
    return info


def _listed(root: Path, info: DataInfo) -> dict[str, list[str]]:
    """The numbers of the pictures of each part."""
    folder = root / "ImageSets" / _LISTS[info.target]
    found = {name: _lines(folder / f"{name}.txt") for name in _PARTS}
    given = {name: lines for name, lines in found.items() if lines}
    if "train" in given:
        return given
    everything = _lines(folder / "trainval.txt")
    if everything:
        return {"all": everything}
    raise DataError(
        "there is no list of pictures: train.txt or trainval.txt",
        where=str(folder),
        remedy="Set data.path to the folder of a year, such as VOCdevkit/VOC2012.",
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    # The lists of single classes have a second column.
    return [line.split()[0] for line in path.read_text("utf-8").splitlines() if line.strip()]


def _boxes(path: Path, section: VocData, info: DataInfo) -> tuple[list[Box], int]:
    """The objects of an annotation, and how many difficult ones are left out."""
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
    except FileNotFoundError as error:
        raise _FormatError(f"there is no {path.name}") from error
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise _FormatError(f"{path.name} is no XML: {error}") from error
    found: list[Box] = []
    difficult = 0
    for entry in objects:
        if not section.difficult and entry.findtext("difficult", "0").strip() == "1":
            difficult += 1
            continue
        found.append(_box(entry, path, info.class_names))
    return found, difficult


def _box(entry: ElementTree.Element, path: Path, names: Sequence[str]) -> Box:
    name = entry.findtext("name", "").strip()
    if name not in names:
        raise DataError(
            f"the class {name!r} is not one of the recipe's",
            where=str(path),
            remedy="Name all classes in data.classes.",
        )
    edges = [entry.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = map(float, edges)
    except ValueError as error:
        raise _FormatError(f"a {name} in {path.name} has no box of four numbers") from error
    # VOC counts pixels from 1 and the last one belongs to the box.
    return Box(left - 1, top - 1, right, bottom, names.index(name))
