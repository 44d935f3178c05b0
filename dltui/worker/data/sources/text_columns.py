"""Columns of a table that hold texts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dltui.errors import DataError
from dltui.worker.data.sources.table_file import Table, read_table

_NAMED = 5


@dataclass(frozen=True, slots=True)
class TextRows:
    """The wanted texts of each row, empty where the cell is, with the row's line number."""

    texts: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()


def read_text_columns(path: str, separator: str | None, columns: Mapping[str, str]) -> TextRows:
    """The columns of a CSV, TSV or Parquet table. `columns` are their names by the recipe's key,
    which errors point at."""
    table = read_table(path, separator)
    for key, name in columns.items():
        check_column(name, table, key)
    chosen = [table.columns[name] for name in columns.values()]
    texts = [
        ["" if cell is None else str(cell) for cell in row] for row in zip(*chosen, strict=True)
    ]
    return TextRows(texts, table.rows)


def check_column(name: str, table: Table, where: str) -> None:
    """Raises `DataError` with the nearest column where there is none of this name."""
    if name not in table.columns:
        close = difflib.get_close_matches(name, list(table.columns), n=1)
        listed = ", ".join(list(table.columns)[:20])
        raise DataError(
            f"{table.path} has no column {name!r}",
            where=where,
            remedy=f"Did you mean {close[0]!r}?" if close else f"Its columns: {listed}.",
        )


def named_lines(lines: Sequence[int]) -> str:
    """`lines 4, 9 and 3 more`."""
    more = f" and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:_NAMED]))}{more}"
