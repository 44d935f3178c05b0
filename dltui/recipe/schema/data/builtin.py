"""Data that comes with what is installed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dltui.recipe.schema.data.images import ImageSource

_TARGETS = {"pydoc": "token", "diabetes": "value"}


class BuiltinData(ImageSource):
    """Real data that needs no download: scikit-learn's sets and Python's own documentation."""

    type: Literal["builtin"]
    name: Literal["digits", "iris", "wine", "breast-cancer", "diabetes", "pydoc"]
    flat: bool = Field(default=False, description="digits as 64 numbers rather than 1×8×8")
    only_classes: list[str | int] | None = Field(
        default=None, min_length=2, description="leave out the other classes: [5, 6, 7, 8, 9]"
    )
    tokenizer: Literal["char", "byte", "bpe"] = Field(default="char", description="of pydoc")
    vocab: int | None = Field(default=None, ge=2, description="size of the bpe vocabulary")
    context: int = Field(default=128, ge=2, description="tokens per example of pydoc")

    @property
    def gives(self) -> tuple[str, ...]:
        return (_TARGETS.get(self.name, "class"),)
