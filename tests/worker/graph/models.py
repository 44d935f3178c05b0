"""Recipes and data facts that the graph tests share."""

from __future__ import annotations

import textwrap
from pathlib import Path

from dltui.recipe import Recipe, load_recipe
from dltui.recipe.data_info import DataInfo

DIGITS = DataInfo(shape=(1, 8, 8), dtype="float32", target="class", classes=10)
CIFAR = DataInfo(shape=(3, 32, 32), dtype="float32", target="class", classes=10)
TABLE = DataInfo(shape=(13,), dtype="float32", target="class", classes=3)
TEXT = DataInfo(shape=(16,), dtype="int64", target="token", vocab=65, context=16)

_CLASSIFY = """\
dltui: 1
name: test
data: {type: builtin, name: digits}
task: {type: classify}
trainer: {epochs: 1}
"""
_NEXT_TOKEN = """\
dltui: 1
name: test
data: {type: builtin, name: pydoc, context: 16}
task: {type: next_token}
trainer: {epochs: 1}
"""


def recipe(folder: Path, model: str, *, text: bool = False, head: str = "") -> Recipe:
    """A recipe with the `model:` section given, indented as in a file."""
    file = folder / "recipe.yaml"
    body = textwrap.dedent(model).strip("\n")
    file.write_text((_NEXT_TOKEN if text else _CLASSIFY) + head + body + "\n")
    return load_recipe(file)


def line_of(recipe: Recipe, needle: str) -> int:
    """The number of the line that holds `needle`, counted from 1."""
    lines = recipe.source_text.splitlines()
    return next(number for number, line in enumerate(lines, start=1) if needle in line)
