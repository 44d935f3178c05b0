"""Tokenisers: character, byte and byte-pair, to and from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dltui.errors import DataError

DEFAULT_BPE_VOCAB = 1024
_BPE_CHARACTERS = 4_000_000
"""Merges are learned from at most so many characters of the training part."""


class Tokenizer(Protocol):
    """Text to token numbers and back."""

    @property
    def size(self) -> int:
        """How many tokens there are."""

    def encode(self, text: str) -> Tensor:
        """Token numbers `(n,)`, int64."""

    def decode(self, tokens: Tensor | list[int]) -> str:
        """The text of token numbers."""

    def as_json(self) -> dict[str, Any]:
        """What `tokenizer_from_json` takes."""


class CharTokenizer:
    """One token a character, in the order of their code points."""

    def __init__(self, characters: str) -> None:
        self.characters = "".join(sorted(set(characters)))
        self._points = _code_points(self.characters)

    @property
    def size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Characters that the vocabulary has not are left out; `unknown` names them."""
        points = _code_points(text)
        places = np.searchsorted(self._points, points)
        places = np.minimum(places, len(self._points) - 1)
        return torch.from_numpy(places[self._points[places] == points].astype(np.int64))

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

    def encode(self, text: str) -> Tensor:
        return torch.from_numpy(np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64))

    def decode(self, tokens: Tensor | list[int]) -> str:
        """Bytes that are no UTF-8, as a cut character leaves them, show as U+FFFD."""
        return bytes(_numbers(tokens)).decode(errors="replace")

    def as_json(self) -> dict[str, Any]:
        return {"type": "byte"}


class BpeTokenizer:
    """Byte-level byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909)."""

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

    def encode(self, text: str) -> Tensor:
        pieces = self._tokenizer.encode_batch(_lines(text))
        return torch.tensor([token for piece in pieces for token in piece.ids], dtype=torch.int64)

    def decode(self, tokens: Tensor | list[int]) -> str:
        return str(self._tokenizer.decode(_numbers(tokens), skip_special_tokens=False))

    def as_json(self) -> dict[str, Any]:
        return {"type": "bpe", "tokenizer": self._tokenizer.to_str()}


def make_tokenizer(kind: str, vocab: int | None, *, text: str, training_text: str) -> Tokenizer:
    """The tokeniser of a recipe. Characters come from all of the text, merges from the training
    part."""
    if kind == "char":
        return CharTokenizer(text)
    if kind == "byte":
        return ByteTokenizer()
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
