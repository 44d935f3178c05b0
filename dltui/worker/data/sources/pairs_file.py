"""Pairs of texts from a table or from JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dltui.errors import DataError
from dltui.recipe.schema.data import PairsFileData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.sequences import pair_examples, pair_info
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.text_columns import TextRows, named_lines, read_text_columns
from dltui.worker.data.tokenizer import make_tokenizer

_JSON_LINES = frozenset((".jsonl", ".ndjson"))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Texts with the line that each pair stands in."""

    sources: list[str]
    targets: list[str]
    lines: list[int]
    notes: tuple[str, ...]


def outline(section: PairsFileData, task: str) -> Outline:
    """Reads the pairs, for their characters or words and their lengths.

    Where there is no file yet but the recipe says how many bpe tokens there will be, the model can
    be shown all the same.
    """
    missing = not Path(section.path).expanduser().exists()
    if missing and section.tokenizer == "bpe" and section.vocab:
        note = f"there is no file {section.path} yet: shown with data.vocab = {section.vocab:,}"
        known = pair_info(section.vocab, section.context, _target_length(section))
        check_task(known, task, f"the pairs {section.path}")
        return Outline(replace(known, needs_download=True, notes=(note,)), {})
    return read(section, task).outline


def read(section: PairsFileData, task: str, say: Say | None = None) -> Loaded:
    """Tokens of every pair that is neither empty nor too long; the others are in the notes.

    Words and merges come from all pairs: what is validation is decided later, by lot.
    """
    pairs = _read_pairs(section)
    text = "\n".join((*pairs.sources, *pairs.targets))
    special = TASKS[task].special_tokens
    tokenizer = make_tokenizer(
        section.tokenizer, section.vocab, text=text, training_text=text, special=special
    )
    info = pair_info(tokenizer.size, section.context, _target_length(section))
    check_task(info, task, f"the pairs {section.path}")
    sources = [tokenizer.encode(text) for text in pairs.sources]
    targets = [tokenizer.encode(text) for text in pairs.targets]
    most = (section.context, _target_length(section) - 1)
    fits = [
        len(source) <= most[0] and len(target) <= most[1]
        for source, target in zip(sources, targets, strict=True)
    ]
    kept = [place for place, good in enumerate(fits) if good]
    if not kept:
        raise DataError(
            f"all {len(fits):,} pairs are longer than {most[0]} and {most[1]} tokens",
            where=section.path,
            remedy="Raise data.context and data.target_context, or use longer tokens (bpe, word).",
        )
    long = [pairs.lines[place] for place, good in enumerate(fits) if not good]
    notes = pairs.notes
    if long:
        limits = f"more than {most[0]} tokens in the source or {most[1]} in the target"
        notes += (f"{len(long):,} pairs skipped, {limits}: {named_lines(long)}",)
    info = replace(info, notes=notes)
    examples = pair_examples(
        [sources[place] for place in kept], [targets[place] for place in kept], tokenizer, info
    )
    known = Outline(info, {"all": len(kept)})
    return Loaded(known, {"all": examples}, "text", tokenizer=tokenizer)


def _target_length(section: PairsFileData) -> int:
    return section.target_context or section.context


def _read_pairs(section: PairsFileData) -> _Pairs:
    path = Path(section.path).expanduser()
    columns = {"data.source": section.source, "data.target": section.target}
    if path.suffix.lower() in _JSON_LINES:
        rows = _json_lines(path, list(columns.values()))
    else:
        rows = read_text_columns(section.path, section.separator, columns)
    texts = [[cell.lower() if section.lowercase else cell for cell in row] for row in rows.texts]
    good = [place for place, row in enumerate(texts) if all(row)]
    if not good:
        raise DataError("no pair has both texts", where=str(path), remedy="Check the file.")
    empty = [rows.lines[place] for place, row in enumerate(texts) if not all(row)]
    notes = rows.notes
    if empty:
        notes += (f"{len(empty):,} pairs with an empty text skipped: {named_lines(empty)}",)
    return _Pairs(
        [texts[place][0] for place in good],
        [texts[place][1] for place in good],
        [rows.lines[place] for place in good],
        notes,
    )


def _json_lines(path: Path, keys: Sequence[str]) -> TextRows:
    """Objects with a text under each key; lines that are none are skipped and named."""
    try:
        content = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the file cannot be read: {error}",
            where=str(path),
            remedy="Set data.path to a readable JSON Lines file in UTF-8.",
        ) from error
    texts: list[list[str]] = []
    lines: list[int] = []
    broken: list[int] = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            texts.append([_text_of(json.loads(line)[key]) for key in keys])
            lines.append(number)
        except (ValueError, KeyError, TypeError):
            broken.append(number)
    wanted = " and ".join(repr(key) for key in keys)
    if not texts:
        raise DataError(
            f"no line is a JSON object with the texts {wanted}",
            where=str(path),
            remedy="Set data.source and data.target to the keys of the texts.",
        )
    note = f"{len(broken):,} lines without the texts {wanted} skipped: {named_lines(broken)}"
    return TextRows(texts, lines, (note,) if broken else ())


def _text_of(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value.strip()
