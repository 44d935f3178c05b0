"""Tokenisers: character, byte, byte-pair and word, to and from JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor

from dltui.errors import DataError

DEFAULT_BPE_VOCAB = 1024
DEFAULT_WORD_VOCAB = 10_000
_BPE_CHARACTERS = 4_000_000
"""Merges are learned from at most so many characters of the training part."""


PADDING: Final = 0
"""The number of `padding` in every tokeniser that has special tokens: it is always the first."""
_UNKNOWN: Final = -1
_SHOWN: Final = {"padding": "", "begin": "", "end": "", "unknown": "\N{REPLACEMENT CHARACTER}"}
"""How special tokens look in a decoded text; `mask` and others as a block."""
_BLOCK: Final = "\N{MEDIUM SHADE}"
_WORD: Final = re.compile(r"\w+|[^\w\s]")
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Tokenizer(Protocol):
    """Text to token numbers and back."""

    @property
    def size(self) -> int:
        """How many tokens there are."""

    @property
    def special(self) -> Mapping[str, int]:
        """Tokens that stand for no text, such as `padding`, by name; mostly none."""

    @property
    def joiner(self) -> str:
        """What stands between two tokens in a text."""

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        """Token numbers `(n,)`, int64. What has no token is left out, or becomes `unknown`."""

    def decode(self, tokens: Tensor | list[int]) -> str:
        """The text of token numbers."""

    def as_json(self) -> dict[str, Any]:
        """What `tokenizer_from_json` takes."""


class CharTokenizer:
    """One token a character, in the order of their code points."""

    special = _NONE
    joiner = ""

    def __init__(self, characters: str) -> None:
        self.characters = "".join(sorted(set(characters)))
        self._points = _code_points(self.characters)

    @property
    def size(self) -> int:
        return len(self.characters)

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        """Characters that the vocabulary has not are left out; the method `unknown` names them."""
        points = _code_points(text)
        places = np.searchsorted(self._points, points)
        places = np.minimum(places, len(self._points) - 1)
        known = self._points[places] == points
        found = places[known] if unknown is None else np.where(known, places, unknown)
        return torch.from_numpy(found.astype(np.int64))

    def unknown(self, text: str) -> list[str]:
        """The characters of `text` that have no token."""
        return sorted(set(text) - set(self.characters))

    def decode(self, tokens: Tensor | list[int]) -> str:
        return "".join(self.characters[token] for token in _numbers(tokens))

    def as_json(self) -> dict[str, Any]:
        return {"type": "char", "characters": self.characters}


class ByteTokenizer:
    """One token a byte of UTF-8; 256 tokens."""

    size = 256
    special = _NONE
    joiner = ""

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        return torch.from_numpy(np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64))

    def decode(self, tokens: Tensor | list[int]) -> str:
        """Bytes that are no UTF-8, as a cut character leaves them, show as U+FFFD."""
        return bytes(_numbers(tokens)).decode(errors="replace")

    def as_json(self) -> dict[str, Any]:
        return {"type": "byte"}


class BpeTokenizer:
    """Byte-level byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909)."""

    special = _NONE
    joiner = ""

    def __init__(self, serialized: str) -> None:
        self._tokenizer = _tokenizers().Tokenizer.from_str(serialized)

    @classmethod
    def trained(cls, text: str, vocab: int) -> BpeTokenizer:
        """Learns up to `vocab` tokens, 256 bytes among them, from a text."""
        if vocab < 256:
            raise DataError(
                f"a bpe vocabulary of {vocab} cannot hold the 256 bytes",
                where="data.vocab",
                remedy="Ask for 257 tokens or more, or use the byte tokeniser.",
            )
        library = _tokenizers()
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocab,
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(_lines(text[:_BPE_CHARACTERS]), trainer)
        return cls(tokenizer.to_str())

    @property
    def size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        pieces = self._tokenizer.encode_batch(_lines(text))
        return torch.tensor([token for piece in pieces for token in piece.ids], dtype=torch.int64)

    def decode(self, tokens: Tensor | list[int]) -> str:
        return str(self._tokenizer.decode(_numbers(tokens), skip_special_tokens=False))

    def as_json(self) -> dict[str, Any]:
        return {"type": "bpe", "tokenizer": self._tokenizer.to_str()}


class WordTokenizer:
    """One token a word or mark of punctuation; spaces and line breaks are not kept."""

    special = _NONE
    joiner = " "

    def __init__(self, words: Iterable[str]) -> None:
        self.words = list(words)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def trained(cls, text: str, vocab: int) -> WordTokenizer:
        """The `vocab` most frequent words of a text, the first seen first among equals."""
        return cls(word for word, _ in Counter(_WORD.findall(text)).most_common(vocab))

    @property
    def size(self) -> int:
        return len(self.words)

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        found = (self._numbers.get(word, unknown) for word in _WORD.findall(text))
        return torch.tensor([number for number in found if number is not None], dtype=torch.int64)

    def decode(self, tokens: Tensor | list[int]) -> str:
        return " ".join(self.words[token] for token in _numbers(tokens))

    def as_json(self) -> dict[str, Any]:
        return {"type": "word", "words": self.words}


class SpecialTokenizer:
    """A tokeniser whose first numbers are special tokens; the numbers of the others follow."""

    def __init__(self, base: Tokenizer, names: Iterable[str]) -> None:
        self.base = base
        self.special = MappingProxyType({name: place for place, name in enumerate(names)})
        self.joiner = base.joiner
        self._names = list(self.special)

    @property
    def size(self) -> int:
        return len(self.special) + self.base.size

    def encode(self, text: str, unknown: int | None = None) -> Tensor:
        """What has no token becomes `unknown`, where that is among the special tokens."""
        unknown = self.special.get("unknown", unknown)
        if unknown is None:
            return self.base.encode(text) + len(self.special)
        tokens = self.base.encode(text, _UNKNOWN)
        return torch.where(tokens == _UNKNOWN, unknown, tokens + len(self.special))

    def decode(self, tokens: Tensor | list[int]) -> str:
        """Padding, begin and end are left out; a mask is a block, an unknown token U+FFFD."""
        first = len(self.special)
        pieces: list[str] = []
        for is_special, run in groupby(_numbers(tokens), lambda token: token < first):
            if is_special:
                pieces += [_SHOWN.get(self._names[token], _BLOCK) for token in run]
            else:
                pieces.append(self.base.decode([token - first for token in run]))
        return self.joiner.join(piece for piece in pieces if piece)

    def as_json(self) -> dict[str, Any]:
        return {"type": "special", "names": self._names, "base": self.base.as_json()}


def make_tokenizer(
    kind: str,
    vocab: int | None,
    *,
    text: str,
    training_text: str,
    special: tuple[str, ...] = (),
) -> Tokenizer:
    """The tokeniser of a recipe; its size counts the `special` tokens.

    Characters come from all of the text, merges and words from the training part.
    """
    base = _base_tokenizer(
        kind, None if vocab is None else vocab - len(special), text, training_text
    )
    return SpecialTokenizer(base, special) if special else base


def _base_tokenizer(kind: str, vocab: int | None, text: str, training_text: str) -> Tokenizer:
    if kind == "char":
        return CharTokenizer(text)
    if kind == "byte":
        return ByteTokenizer()
    if kind == "word":
        return WordTokenizer.trained(training_text, vocab or DEFAULT_WORD_VOCAB)
    return BpeTokenizer.trained(training_text, vocab or DEFAULT_BPE_VOCAB)


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Writes `path` as JSON, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(tokenizer.as_json()), encoding="utf-8")
    partial.replace(path)


def load_tokenizer(path: Path) -> Tokenizer:
    """Reads what `save_tokenizer` wrote; `DataError` where it is missing or broken."""
    try:
        return tokenizer_from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the tokeniser cannot be read: {error}",
            where=str(path),
            remedy="Train again: it is written at the start of a run.",
        ) from error


def tokenizer_from_json(facts: dict[str, Any]) -> Tokenizer:
    """The tokeniser of `as_json`; `ValueError` for an unknown type."""
    if facts["type"] == "char":
        return CharTokenizer(facts["characters"])
    if facts["type"] == "byte":
        return ByteTokenizer()
    if facts["type"] == "bpe":
        return BpeTokenizer(facts["tokenizer"])
    if facts["type"] == "word":
        return WordTokenizer(facts["words"])
    if facts["type"] == "special":
        return SpecialTokenizer(tokenizer_from_json(facts["base"]), facts["names"])
    raise ValueError(f"unknown tokeniser type {facts['type']!r}")


def _tokenizers() -> Any:
    try:
        import tokenizers  # an extra, and only for bpe
    except ImportError as error:
        raise DataError(
            "the bpe tokeniser needs the package tokenizers",
            where="data.tokenizer",
            remedy="pip install 'dltui[bpe]', or use the char or byte tokeniser.",
        ) from error
    return tokenizers


def _code_points(text: str) -> np.ndarray[Any, np.dtype[np.uint32]]:
    # Lone surrogates are code points of a Python string like any other.
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _numbers(tokens: Tensor | list[int]) -> list[int]:
    return [int(token) for token in (tokens.tolist() if isinstance(tokens, Tensor) else tokens)]
