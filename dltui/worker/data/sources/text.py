"""Text: a file or a folder of them, divided without shuffling and cut into windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import KFold, Split, TextData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Windows
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.split import DEFAULT, fold_number, part_sizes
from dltui.worker.data.tokenizer import Tokenizer, make_tokenizer


@dataclass(frozen=True, slots=True)
class TextPlan:
    """How a text becomes windows of tokens. `name` is what errors call the text."""

    tokenizer: Literal["char", "byte", "bpe"]
    vocab: int | None
    context: int
    split: Split | Literal["own"]
    kfold: KFold | None
    name: str
    special: tuple[str, ...] = ()
    """Tokens that the task needs beside those of the text."""


def outline(section: TextData, task: str) -> Outline:
    """Reads the text: its characters are the vocabulary.

    Where it is not there yet but the recipe says how many bpe tokens there will be, the model can
    be shown all the same.
    """
    if (
        section.tokenizer == "bpe"
        and section.vocab
        and not Path(section.path).expanduser().exists()
    ):
        found = _promised(section, section.vocab)
    else:
        found = text_outline(read_text(section), _plan(section, task))
    check_task(found.info, task, f"the text {section.path}")
    return found


def read(section: TextData, task: str, say: Say | None = None) -> Loaded:
    """Windows of tokens by part."""
    loaded = text_parts(read_text(section), _plan(section, task))
    check_task(loaded.outline.info, task, f"the text {section.path}")
    return loaded


def text_outline(text: str, plan: TextPlan) -> Outline:
    """Vocabulary and windows of a text."""
    return text_parts(text, plan).outline


def text_parts(text: str, plan: TextPlan) -> Loaded:
    """Divides a text into one stretch a part (two for the training part of a fold), tokenises
    each, and cuts it into windows. `DataError` where a part is shorter than one window."""
    pieces = _stretches(text, plan)
    tokenizer = make_tokenizer(
        plan.tokenizer,
        plan.vocab,
        text=text,
        training_text=pieces["train"],
        special=plan.special,
    )
    parts = {name: _windows(piece, name, tokenizer, plan) for name, piece in pieces.items()}
    info = _facts(plan.context, tokenizer.size)
    sizes = {name: len(windows) for name, windows in parts.items()}
    found = Outline(info, sizes, divided=True)
    return Loaded(found, parts, "text", tokenizer=tokenizer, divided=True)


def _facts(context: int, vocab: int) -> DataInfo:
    return DataInfo(shape=(context,), dtype="int64", target="token", vocab=vocab, context=context)


def _promised(section: TextData, vocab: int) -> Outline:
    note = f"there is no text {section.path} yet: shown with data.vocab = {vocab:,}"
    known = _facts(section.context, vocab)
    return Outline(replace(known, needs_download=True, notes=(note,)), {})


def read_text(section: TextData) -> str:
    """The file, or the files of the folder that match `glob` in the order of their paths."""
    path = Path(section.path).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.glob(section.glob) if file.is_file())
        if not files:
            raise DataError(
                f"no file matches {section.glob!r}",
                where=str(path),
                remedy="Set data.glob, e.g. '**/*.md'.",
            )
    elif path.is_file():
        files = [path]
    else:
        raise DataError("there is no such file or folder", where=str(path), remedy="Set data.path.")
    text = "\n\n".join(decoded_file(file) for file in files)
    return text.lower() if section.lowercase else text


def decoded_file(path: Path) -> str:
    """The text of a UTF-8 file; `DataError` where it is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check its permissions.",
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte {error.start} is no UTF-8",
            where=str(path),
            remedy="Convert it to UTF-8, e.g. with iconv, or leave the file out.",
        ) from error
    if "\0" in text:
        raise DataError(
            "the file holds zero bytes: it is no text",
            where=str(path),
            remedy="Give a text file, or narrow data.glob.",
        )
    return text.replace("\r\n", "\n")


def _plan(section: TextData, task: str) -> TextPlan:
    return TextPlan(
        section.tokenizer,
        section.vocab,
        section.context,
        section.split,
        section.kfold,
        section.path,
        TASKS[task].special_tokens,
    )


def _stretches(text: str, plan: TextPlan) -> dict[str, str]:
    if len(text) < 3 * (plan.context + 1):
        raise DataError(
            f"{len(text)} characters are too short for windows of {plan.context} tokens",
            where=plan.name,
            remedy="Give more text, or lower data.context.",
        )
    if plan.kfold is not None:
        fold = fold_number(plan.kfold)
        start = len(text) * fold // plan.kfold.folds
        end = len(text) * (fold + 1) // plan.kfold.folds
        return {"train": text[:start] + text[end:], "val": text[start:end]}
    sizes = part_sizes(len(text), DEFAULT if plan.split == "own" else plan.split)
    pieces, start = {}, 0
    for name, size in sizes.items():
        pieces[name] = text[start : start + size]
        start += size
    return pieces


def _windows(text: str, part: str, tokenizer: Tokenizer, plan: TextPlan) -> Windows:
    tokens = tokenizer.encode(text)
    if len(tokens) < plan.context + 1:
        raise DataError(
            f"the {part} part has {len(tokens)} tokens, one window needs {plan.context + 1}",
            where=plan.name,
            remedy="Give more text, lower data.context, or change data.split.",
        )
    small = torch.int16 if tokenizer.size < 2**15 else torch.int32
    return Windows(tokens.to(small), plan.context)
