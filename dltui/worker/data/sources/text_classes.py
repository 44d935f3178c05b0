"""Texts with a class each: from a table, from a folder, or from Python's own sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from dltui.worker.data.sources.broken_files import skipped_note
from dltui.worker.data.sources.class_folders import FileKind, checked_classes, class_folders
from dltui.worker.data.sources.docstrings import docstrings
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.text import decoded_file
from dltui.worker.data.sources.text_columns import named_lines, read_text_columns
from dltui.worker.data.tokenizer import Tokenizer, make_tokenizer

_SPECIAL = ("padding", "unknown")
_TEXTS = FileKind(
    "texts",
    "Give texts of two classes or more: a subfolder each for the files that data.glob finds, or a "
    "column for the class.",
)

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
    listed = class_folders(root, replace(_TEXTS, glob=glob))
    skipped: list[str] = []
    parts = {}
    for name, (files, labels) in listed.parts.items():
        named = [listed.classes[label] for label in labels]
        parts[name] = list(_labelled(files, named, skipped))
    return _Found(parts, str(root), listed.notes + skipped_note("files", skipped, root))


def _labelled(
    files: Sequence[Path], labels: Sequence[str], skipped: list[str]
) -> Iterator[tuple[str, str]]:
    for path, label in zip(files, labels, strict=True):
        try:
            text = decoded_file(path)
        except DataError as error:
            skipped.append(f"{path} ({error.message})")
            continue
        if text.strip():
            yield text, label
        else:
            skipped.append(f"{path} (empty)")


def _classes(found: _Found) -> tuple[str, ...]:
    if not any(found.parts.values()):
        raise DataError("there are no texts", where=found.where, remedy=_TEXTS.remedy)
    by_part = {name: {label for _, label in texts} for name, texts in found.parts.items()}
    return checked_classes(by_part, _TEXTS, found.where)
