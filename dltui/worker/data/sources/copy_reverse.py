"""Sequences of letters to be copied, reversed or sorted."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import CopyReverseData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.sequences import pair_examples, pair_info
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.tokenizer import SpecialTokenizer, WordTokenizer

_DO: dict[str, Callable[[str], str]] = {
    "copy": lambda letters: letters,
    "reverse": lambda letters: letters[::-1],
    "sort": lambda letters: "".join(sorted(letters)),
}


def outline(section: CopyReverseData, task: str) -> Outline:
    """Known without making them."""
    _check(section)
    info = _facts(section, _tokenizer(section, task).size)
    check_task(info, task, "copy_reverse")
    return Outline(info, {"all": section.size})


def read(section: CopyReverseData, task: str, say: Say | None = None) -> Loaded:
    """Makes the pairs: `(reverse) a b c` and `c b a`."""
    known, tokenizer = outline(section, task), _tokenizer(section, task)
    pairs = list(_pairs(section))
    sources = [tokenizer.encode(source) for source, _ in pairs]
    targets = [tokenizer.encode(target) for _, target in pairs]
    examples = pair_examples(sources, targets, tokenizer, known.info)
    return Loaded(known, {"all": examples}, "text", tokenizer=tokenizer)


def _facts(section: CopyReverseData, vocab: int) -> DataInfo:
    named = 1 if len(section.tasks) > 1 else 0
    return pair_info(vocab, section.longest + named, section.longest + 1)


def _tokenizer(section: CopyReverseData, task: str) -> SpecialTokenizer:
    names = section.tasks if len(section.tasks) > 1 else []
    words = [*string.ascii_lowercase[: section.symbols], *names]
    return SpecialTokenizer(WordTokenizer(words), TASKS[task].special_tokens)


def _check(section: CopyReverseData) -> None:
    if section.shortest > section.longest:
        raise DataError(
            f"the shortest sequence ({section.shortest}) is longer than the longest",
            where="data.shortest",
            remedy=f"At most {section.longest}, or raise data.longest.",
        )
    if len(set(section.tasks)) < len(section.tasks):
        raise DataError("a task is named twice", where="data.tasks", remedy="Name each once.")
    lengths = range(section.shortest, section.longest + 1)
    possible = sum(section.symbols**length for length in lengths) * len(section.tasks)
    if section.size > possible // 2:
        raise DataError(
            f"there are {possible:,} different examples, at most half of them can be asked for",
            where="data.size",
            remedy="Lower data.size, or raise data.symbols or data.longest.",
        )


def _pairs(section: CopyReverseData) -> Iterator[tuple[str, str]]:
    dice = random.Random(section.seed)
    letters = string.ascii_lowercase[: section.symbols]
    made: set[tuple[str, str]] = set()
    while len(made) < section.size:
        name = dice.choice(section.tasks)
        length = dice.randint(section.shortest, section.longest)
        asked = "".join(dice.choices(letters, k=length))
        if (name, asked) in made:
            continue
        made.add((name, asked))
        prefix = f"{name} " if len(section.tasks) > 1 else ""
        yield prefix + " ".join(asked), " ".join(_DO[name](asked))
