"""Small files in the formats of segmentation and detection sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2; the right and lower edge outside."""

_PALETTE = [value for number in range(256) for value in (number * 37 % 256, number * 91 % 256, 40)]


def scene(number: int, size: tuple[int, int] = (36, 48)) -> tuple[np.ndarray, Rectangle]:
    """A picture `(H, W, 3)` with one light rectangle, and where that is."""
    height, width = size
    left, top = 4 + 3 * number % (width // 2), 3 + 2 * number % (height // 2)
    box = (left, top, left + 14, top + 10)
    pixels = np.full((height, width, 3), 60, np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = (230, 40 * (number % 5), 90)
    return pixels, box


def write_voc(root: Path, train: int = 8, val: int = 4) -> Path:
    """A year of Pascal VOC: pictures of one dog or cat each, with boxes and masks."""
    for folder in ("JPEGImages", "Annotations", "SegmentationClass"):
        (root / folder).mkdir(parents=True)
    numbers = [f"2007_{number:06d}" for number in range(train + val)]
    for kind in ("Main", "Segmentation"):
        lists = root / "ImageSets" / kind
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("".join(f"{n}\n" for n in numbers[:train]))
        (lists / "val.txt").write_text("".join(f"{n}\n" for n in numbers[train:]))
    for index, number in enumerate(numbers):
        pixels, box = scene(index)
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{number}.jpg", quality=95)
        name, label = (("dog", 12), ("cat", 8))[index % 2]
        write_voc_boxes(root, number, [(name, box)])
        mask = np.zeros(pixels.shape[:2], np.uint8)
        mask[box[1] - 1 : box[3] + 1, box[0] - 1 : box[2] + 1] = 255
        mask[box[1] : box[3], box[0] : box[2]] = label
        image = Image.fromarray(mask)
        image.putpalette(_PALETTE)
        image.save(root / "SegmentationClass" / f"{number}.png")
    return root


def write_voc_boxes(
    root: Path,
    number: str,
    boxes: Sequence[tuple[str, Sequence[float]]],
    difficult: Sequence[int] = (),
) -> None:
    """An annotation as VOC writes it, pixels counted from 1."""
    objects = "".join(
        f"<object><name>{name}</name><pose>Left</pose><truncated>0</truncated>"
        f"<difficult>{int(place in difficult)}</difficult><bndbox><xmin>{box[0] + 1}</xmin>"
        f"<ymin>{box[1] + 1}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for place, (name, box) in enumerate(boxes)
    )
    text = (
        f"<annotation><folder>VOC</folder><filename>{number}.jpg</filename>"
        "<size><width>48</width><height>36</height><depth>3</depth></size>"
        f"<segmented>0</segmented>{objects}</annotation>"
    )
    (root / "Annotations" / f"{number}.xml").write_text(text)


def write_coco(root: Path, train: int = 8, val: int = 4) -> Path:
    """`train2017/`, `val2017/` and their annotations; ids with gaps, as in COCO itself."""
    (root / "annotations").mkdir(parents=True)
    for part, count, first in (("train2017", train, 0), ("val2017", val, train)):
        (root / part).mkdir()
        content: dict[str, Any] = {
            "info": {"year": 2017},
            "images": [],
            "annotations": [],
            "categories": [
                {"id": 18, "name": "dog", "supercategory": "animal"},
                {"id": 17, "name": "cat", "supercategory": "animal"},
            ],
        }
        for index in range(first, first + count):
            pixels, (left, top, right, bottom) = scene(index)
            name = f"{index + 100:012d}.jpg"
            Image.fromarray(pixels).save(root / part / name, quality=95)
            height, width = pixels.shape[:2]
            content["images"].append(
                {"id": index + 100, "file_name": name, "height": height, "width": width}
            )
            content["annotations"].append(
                {
                    "id": index,
                    "image_id": index + 100,
                    "category_id": (17, 18)[index % 2],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                    "iscrowd": 0,
                }
            )
        write_coco_part(root, part, content)
    return root


def write_coco_part(root: Path, part: str, content: Any) -> None:
    path = root / "annotations" / f"instances_{part}.json"
    path.write_text(json.dumps(content))


def read_coco_part(root: Path, part: str) -> Any:
    return json.loads((root / "annotations" / f"instances_{part}.json").read_text())
