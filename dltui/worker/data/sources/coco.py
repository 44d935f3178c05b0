"""Pictures with annotations in the JSON format of COCO (Lin et al. 2014)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import CocoData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.boxes import Box, BoxCheck
from dltui.worker.data.examples import Examples
from dltui.worker.data.regions import Region, RegionMask, Segmentation
from dltui.worker.data.sources.broken_files import all_broken, skipped_note
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import boxed_pictures, image_size, masked_pictures
from dltui.worker.data.sources.shapes import BACKGROUND

CLASSES = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat",
    "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack",
    "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball",
    "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket",
    "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair",
    "couch", "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
]  # fmt: skip
"""The eighty categories, in the order of their ids."""


@dataclass(frozen=True, slots=True)
class _Object:
    label: int
    box: tuple[float, float, float, float]
    """x, y, width, height."""
    segmentation: Segmentation
    crowd: bool
    area: float


@dataclass(frozen=True, slots=True)
class _Part:
    names: tuple[str, ...]
    pictures: list[tuple[Path, tuple[int, int], list[_Object]]]
    """File, (height, width), objects."""
    strange: Counter[str]
    """Annotations that could not be used, by why."""


def outline(section: CocoData, task: str) -> Outline:
    """Reads the categories and counts the pictures; without files, what the recipe promises."""
    return _opened(section, task)[0]


def read(section: CocoData, task: str, say: Say | None = None) -> Loaded:
    """What is broken is left out, named with the reason."""
    known, found = _opened(section, task)
    root = Path(section.path).expanduser()
    if not found:
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    parts: dict[str, Examples] = {}
    bad: list[str] = []
    strange: Counter[str] = Counter()
    check = BoxCheck()
    for name, part in found.items():
        images = [file for file, _, _ in part.pictures]
        sizes = [size for _, size, _ in part.pictures]
        strange += part.strange
        if known.info.target == "mask":
            masks = [_mask(size, objects) for _, size, objects in part.pictures]
            examples, skipped = masked_pictures(images, masks, sizes, section, say)
        else:
            boxes = [_boxes(objects) for _, _, objects in part.pictures]
            examples, skipped = boxed_pictures(images, boxes, check, section, say, sizes)
        if not len(examples):
            raise all_broken(name, images, root, skipped[0])
        parts[name] = examples
        bad += skipped
    notes = [*skipped_note("pictures", bad, root), *check.notes()]
    notes += [f"{count:,} annotations left out: {why}" for why, count in strange.items()]
    return Loaded(known, parts, "images", notes=tuple(notes))


def _opened(section: CocoData, task: str) -> tuple[Outline, dict[str, _Part]]:
    root = Path(section.path).expanduser()
    if not root.exists():
        note = f"there is no folder {section.path} yet: shown with the categories "
        note += "of the recipe" if section.classes else "of COCO"
        info = _info(section, task, section.classes or CLASSES)
        return Outline(replace(info, needs_download=True, notes=(note,)), {}), {}
    found: dict[str, _Part] = {}
    for part, stands_for in section.parts.items():
        file = root / section.annotations.replace("{part}", stands_for)
        found[part] = _part(file, root / section.images.replace("{part}", stands_for))
    if "train" not in found:
        raise DataError("there is no part train", where="data.parts", remedy="Name its files.")
    names = found["train"].names
    for other, content in found.items():
        if content.names != names:
            raise DataError(
                f"{other} has other categories than train",
                where=str(root),
                remedy="Use annotation files with the same categories.",
            )
    info = _info(section, task, names)
    return Outline(info, {name: len(part.pictures) for name, part in found.items()}), found


def _info(section: CocoData, task: str, names: Sequence[str]) -> DataInfo:
    masked = "mask" in TASKS[task].learns
    info = DataInfo(
        shape=(section.channels, *image_size(section.size)),
        dtype="float32",
        target="mask" if masked else "boxes",
        classes=len(names) + masked,
        class_names=(BACKGROUND, *names) if masked else tuple(names),
    )
    check_task(info, task, f"the COCO folder {section.path}")
    return info


def _part(file: Path, folder: Path) -> _Part:
    content = _json(file)
    try:
        categories = sorted(content["categories"], key=lambda category: int(category["id"]))
        labels = {int(category["id"]): number for number, category in enumerate(categories)}
        names = tuple(str(category["name"]) for category in categories)
        entries = {
            int(image["id"]): (
                folder / str(image["file_name"]),
                (int(image["height"]), int(image["width"])),
            )
            for image in content["images"]
        }
        annotations = list(content["annotations"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_coco(file, f"{type(error).__name__}: {error}") from error
    if not names or not entries:
        raise _no_coco(file, "it has no categories or no images")
    objects: dict[int, list[_Object]] = {number: [] for number in entries}
    strange: Counter[str] = Counter()
    for annotation in annotations:
        try:
            image, entry = _object(annotation, labels)
            objects[image].append(entry)
        except (KeyError, TypeError, ValueError) as error:
            strange[_why(annotation, entries, labels, error)] += 1
    pictures = [(*entries[number], objects[number]) for number in sorted(entries)]
    return _Part(names, pictures, strange)


def _json(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        remedy = "Set data.path, data.parts and data.annotations to the files."
        raise DataError("there is no such file", where=str(file), remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise _no_coco(file, str(error)) from error
    if not isinstance(content, dict):
        raise _no_coco(file, "it holds no map")
    return content


def _no_coco(file: Path, why: str) -> DataError:
    return DataError(
        f"the annotations are not in COCO's format: {why}",
        where=str(file),
        remedy="The file needs images, annotations and categories.",
    )


def _object(annotation: Any, labels: Mapping[int, int]) -> tuple[int, _Object]:
    x, y, width, height = map(float, annotation["bbox"])
    entry = _Object(
        label=labels[int(annotation["category_id"])],
        box=(x, y, width, height),
        segmentation=annotation.get("segmentation", []),
        crowd=bool(annotation.get("iscrowd", 0)),
        area=float(annotation.get("area", width * height)),
    )
    return int(annotation["image_id"]), entry


def _why(
    annotation: Any, images: Mapping[int, Any], labels: Mapping[int, int], error: Exception
) -> str:
    if not isinstance(annotation, dict):
        return "they are no maps"
    if annotation.get("category_id") not in labels:
        return "their category is not listed"
    if annotation.get("image_id") not in images:
        return "their image is not listed"
    return f"they have no box of four numbers ({type(error).__name__})"


def _boxes(objects: Sequence[_Object]) -> list[Box]:
    """The boxes of single objects; a crowd has no box of one."""
    single = [entry for entry in objects if not entry.crowd]
    return [
        Box(x, y, x + width, y + height, entry.label)
        for entry in single
        for x, y, width, height in (entry.box,)
    ]


def _mask(size: tuple[int, int], objects: Sequence[_Object]) -> RegionMask:
    """Large objects first, so that what lies on them is seen."""
    drawn = sorted(objects, key=lambda entry: -entry.area)
    return RegionMask(size, tuple(Region(o.segmentation, o.label + 1) for o in drawn))
