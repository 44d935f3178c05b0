"""Texts and token sequences."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.data.base import Source


class TextData(Source):
    """A text file, or a folder of them, cut into windows of `context` tokens."""

    TARGETS: ClassVar[tuple[str, ...]] = ("token",)

    type: Literal["text"]
    path: str
    glob: str = "**/*.txt"
    tokenizer: Literal["char", "byte", "bpe"] = "char"
    vocab: int | None = Field(default=None, ge=2, description="size of the bpe vocabulary")
    context: int = Field(default=128, ge=2, description="tokens per example")
    lowercase: bool = False


class TextClassesData(Source):
    """Texts with a class each: a table, a folder of text files by class, or a set by name."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class",)

    type: Literal["text_classes"]
    path: str | None = Field(
        default=None,
        description="CSV or Parquet table; or a folder with a subfolder a class, or with train/, "
        "val/ and test/ of such",
    )
    name: Literal["stdlib-docstrings"] | None = Field(
        default=None,
        description="in place of a path: which package of Python a docstring is from",
    )
    text: str = Field(default="text", description="column of the texts")
    target: str = Field(default="label", description="column of the classes")
    separator: str | None = Field(default=None, description="null: found in the first line")
    glob: str = Field(default="**/*.txt", description="files of a class's folder")
    tokenizer: Literal["char", "byte", "bpe", "word"] = "word"
    vocab: int | None = Field(default=None, ge=8, description="size of a bpe or word vocabulary")
    context: int = Field(default=128, ge=2, description="tokens of a text; longer ones are cut")
    lowercase: bool = False


class PairsFileData(Source):
    """Pairs of texts, one a row of a CSV, TSV, Parquet or JSON Lines file."""

    TARGETS: ClassVar[tuple[str, ...]] = ("sequence",)

    type: Literal["pairs_file"]
    path: str
    source: str = Field(default="source", description="column of the texts to read")
    target: str = Field(default="target", description="column of the texts to write")
    separator: str | None = Field(default=None, description="null: found in the first line")
    tokenizer: Literal["char", "byte", "bpe", "word"] = "char"
    vocab: int | None = Field(default=None, ge=8, description="size of a bpe or word vocabulary")
    context: int = Field(default=128, ge=2, description="most tokens of a source")
    target_context: int | None = Field(
        default=None, ge=2, description="most tokens of a target and its end; null: as context"
    )
    lowercase: bool = False


class CopyReverseData(Source):
    """Sequences of letters to be copied, reversed or sorted: exact answers without end."""

    TARGETS: ClassVar[tuple[str, ...]] = ("sequence",)

    type: Literal["copy_reverse"]
    tasks: list[Literal["copy", "reverse", "sort"]] = Field(
        default=["reverse"],
        min_length=1,
        description="of several, the source begins with the name of the one that is asked",
    )
    symbols: int = Field(default=26, ge=2, le=26, description="different letters")
    shortest: int = Field(default=4, ge=1, description="letters")
    longest: int = Field(default=12, ge=1, description="letters")
    size: int = Field(default=5000, ge=10, description="examples, all of them different")
    seed: int = Field(default=0, ge=0, description="of the letters, apart from trainer.seed")
