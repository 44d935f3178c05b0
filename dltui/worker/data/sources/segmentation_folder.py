"""images/ and masks/ with files of the same names; or train/, val/ and test/ of such."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import SegmentationFolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples
from dltui.worker.data.images import seen_sizes
from dltui.worker.data.masks import MaskFile
from dltui.worker.data.sources.broken_files import NAMED, all_broken, skipped_note
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import SUFFIXES, image_size, masked_pictures

_PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class _Pairs:
    images: list[Path]
    masks: list[Path]


def outline(section: SegmentationFolderData, task: str) -> Outline:
    """Lists the pairs; where the folder is not there yet, its classes are known all the same."""
    root = Path(section.path).expanduser()
    info = _info(section, task)
    if not root.exists():
        note = f"there is no folder {section.path} yet: shown with the classes of the recipe"
        return Outline(replace(info, needs_download=True, notes=(note,)), {})
    notes: list[str] = []
    parts = _scan(root, notes)
    sizes = {name: len(pairs.images) for name, pairs in parts.items()}
    return Outline(replace(info, notes=tuple(notes)), sizes)


def read(section: SegmentationFolderData, task: str, say: Say | None = None) -> Loaded:
    """Pictures whose masks are broken or of another size are left out, named with the reason."""
    root = Path(section.path).expanduser()
    known = outline(section, task)
    if not known.sizes:
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    values = None if section.values is None else tuple(section.values)
    parts: dict[str, Examples] = {}
    broken: list[str] = []
    for name, pairs in _scan(root, []).items():
        masks = [
            MaskFile(path, len(section.classes), section.ignore, values) for path in pairs.masks
        ]
        covered = seen_sizes(pairs.masks)
        part, bad = masked_pictures(pairs.images, masks, covered, section, say)
        if not len(part):
            raise all_broken(name, pairs.images, root, bad[0])
        parts[name] = part
        broken += bad
    return Loaded(known, parts, "images", notes=skipped_note("pictures", broken, root))


def _info(section: SegmentationFolderData, task: str) -> DataInfo:
    if section.values is not None and len(set(section.values)) != len(section.classes):
        raise DataError(
            f"there are {len(section.classes)} classes, but {len(set(section.values))} values",
            where="data.values",
            remedy="Give the pixel value of each class, in their order.",
        )
    info = DataInfo(
        shape=(section.channels, *image_size(section.size)),
        dtype="float32",
        target="mask",
        classes=len(section.classes),
        class_names=tuple(section.classes),
    )
    check_task(info, task, f"the folder {section.path}")
    return info


def _scan(root: Path, notes: list[str]) -> dict[str, _Pairs]:
    """Pictures with their masks by part; what has no partner becomes a note."""
    places = {name: root / name for name in _PARTS if (root / name / "images").is_dir()}
    if (root / "images").is_dir():
        places = {"all": root}
    elif "train" not in places:
        raise DataError(
            "there is no folder images",
            where=str(root),
            remedy="Put pictures in images/ and their masks, with the same names, in masks/.",
        )
    return {name: _pairs(place, root, notes) for name, place in places.items()}


def _pairs(place: Path, root: Path, notes: list[str]) -> _Pairs:
    images, masks = _by_stem(place / "images"), _by_stem(place / "masks")
    both = sorted(set(images) & set(masks))
    if not both:
        raise DataError(
            "no picture has a mask of its name",
            where=str(place / "masks"),
            remedy="The mask of images/a.jpg is masks/a.png.",
        )
    for alone, what in (
        (sorted(set(images) - set(masks)), "pictures without a mask are left out"),
        (sorted(set(masks) - set(images)), "masks without a picture are left out"),
    ):
        if alone:
            listed = ", ".join(alone[:NAMED]) + (" …" if len(alone) > NAMED else "")
            notes.append(f"{len(alone):,} {what}: {listed}")
    return _Pairs([images[stem] for stem in both], [masks[stem] for stem in both])


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(
            "there is no such folder",
            where=str(folder),
            remedy="Put pictures in images/ and their masks, with the same names, in masks/.",
        )
    files = sorted(folder.iterdir())
    return {file.stem: file for file in files if file.suffix.lower() in SUFFIXES}
