"""Texts with a class each: from a table, from a folder, or from Python's own sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import TextClassesData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples, TensorExamples
from dltui.worker.data.sequences import padded
from dltui.worker.data.sources.docstrings import docstrings
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.text import decoded_file
from dltui.worker.data.sources.text_columns import named_lines, read_text_columns
from dltui.worker.data.tokenizer import Tokenizer, make_tokenizer

_SPECIAL = ("padding", "unknown")
_PARTS = ("train", "val", "test")
_NAMED = 3

_Labelled = list[tuple[str, str]]
"""Texts with the names of their classes."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Texts by part, `all` where there are none."""

    parts: dict[str, _Labelled]
    where: str
    notes: tuple[str, ...] = ()


def outline(section: TextClassesData, task: str) -> Outline:
    """Reads the texts, for their words and classes."""
    return read(section, task).outline


def read(section: TextClassesData, task: str, say: Say | None = None) -> Loaded:
    """Tokens `(N, context)`, padded on the right; what was skipped or cut is in the notes.

    Words and merges come from the training part where there is one, else from all texts: what is
    validation is decided later, by lot.
    """
    found = _lowered(_find(section)) if section.lowercase else _find(section)
    classes = _classes(found)
    tokenizer = _tokenizer(section, found)
    info = DataInfo(
        shape=(section.context,),
        dtype="int64",
        target="class",
        classes=len(classes),
        class_names=classes,
        vocab=tokenizer.size,
        context=section.context,
    )
    check_task(info, task, f"the texts of {found.where}")
    place = {name: number for number, name in enumerate(classes)}
    parts: dict[str, Examples] = {}
    cut = 0
    for name, texts in found.parts.items():
        tokens = [tokenizer.encode(text) for text, _ in texts]
        cut += sum(len(row) > section.context for row in tokens)
        rows = padded([row[: section.context] for row in tokens], section.context)
        parts[name] = TensorExamples(rows, torch.tensor([place[label] for _, label in texts]))
    notes = found.notes
    if cut:
        notes += (f"texts cut after {section.context} tokens: {cut:,}",)
    sizes = {name: len(texts) for name, texts in found.parts.items()}
    known = Outline(replace(info, notes=notes), sizes)
    return Loaded(known, parts, "text", tokenizer=tokenizer)


def _tokenizer(section: TextClassesData, found: _Found) -> Tokenizer:
    everything = "\n".join(text for text, _ in chain(*found.parts.values()))
    training = found.parts.get("train")
    learned = everything if training is None else "\n".join(text for text, _ in training)
    return make_tokenizer(
        section.tokenizer, section.vocab, text=everything, training_text=learned, special=_SPECIAL
    )


def _find(section: TextClassesData) -> _Found:
    if (section.path is None) == (section.name is None):
        raise DataError(
            "text_classes needs a path or a name",
            where="data",
            remedy="Set data.path to a table or a folder, or data.name to stdlib-docstrings.",
        )
    if section.path is None:
        return _Found({"all": docstrings()}, "Python's standard library")
    path = Path(section.path).expanduser()
    return _of_folder(path, section.glob) if path.is_dir() else _of_table(section, section.path)


def _lowered(found: _Found) -> _Found:
    parts = {
        name: [(text.lower(), label) for text, label in texts]
        for name, texts in found.parts.items()
    }
    return replace(found, parts=parts)


def _of_table(section: TextClassesData, path: str) -> _Found:
    columns = {"data.text": section.text, "data.target": section.target}
    rows = read_text_columns(path, section.separator, columns)
    pairs = list(zip(rows.texts, rows.lines, strict=True))
    texts = [(text, label) for (text, label), _ in pairs if text and label]
    empty = [line for row, line in pairs if not all(row)]
    note = f"{len(empty):,} rows without a text or a class skipped: {named_lines(empty)}"
    return _Found({"all": texts}, path, (*rows.notes, *((note,) if empty else ())))


def _of_folder(root: Path, glob: str) -> _Found:
    named = {name: root / name for name in _PARTS if (root / name).is_dir()}
    divided = "train" in named and any(_subfolders(named["train"]))
    places = named if divided else {"all": root}
    skipped: list[str] = []
    parts = {}
    for name, folder in places.items():
        parts[name] = list(_labelled(folder, glob, skipped))
        if not parts[name]:
            raise DataError(
                f"no file of a subfolder matches {glob!r}",
                where=str(folder),
                remedy="Put the texts of each class in a subfolder of its own, or set data.glob.",
            )
    more = f" and {len(skipped) - _NAMED:,} more" if len(skipped) > _NAMED else ""
    note = f"{len(skipped):,} files skipped: {', '.join(skipped[:_NAMED])}{more}"
    return _Found(parts, str(root), (note,) if skipped else ())


def _labelled(root: Path, glob: str, skipped: list[str]) -> Iterator[tuple[str, str]]:
    for folder in _subfolders(root):
        for path in sorted(file for file in folder.glob(glob) if file.is_file()):
            name = str(path.relative_to(root))
            try:
                text = decoded_file(path)
            except DataError as error:
                skipped.append(f"{name} ({error.message})")
                continue
            if text.strip():
                yield text, folder.name
            else:
                skipped.append(f"{name} (empty)")


def _subfolders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")


def _classes(found: _Found) -> tuple[str, ...]:
    training = found.parts.get("train", found.parts.get("all", []))
    classes = tuple(sorted({label for _, label in training}))
    if len(classes) < 2:
        raise DataError(
            f"there is one class only: {classes[0]}" if classes else "there are no texts",
            where=found.where,
            remedy="Give texts of two classes or more.",
        )
    for part, texts in found.parts.items():
        strange = sorted({label for _, label in texts} - set(classes))
        if strange:
            raise DataError(
                f"{part} has a class that train has not: {strange[0]}",
                where=found.where,
                remedy="Give every class texts in train, or take it out.",
            )
    return classes
