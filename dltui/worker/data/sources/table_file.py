"""CSV and Parquet files as columns of cells."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.errors import DataError

Cell = str | float | None
"""A text, a number, or None where the cell is empty."""

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
"""Cells that count as empty, in lower case."""

_LONGEST_MISSING = max(map(len, MISSING))
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, all of one length. `rows` are line numbers of a CSV file (the header is
    line 1), or row numbers from 1 of a Parquet file; `unit` says which."""

    path: Path
    columns: dict[str, list[Cell]]
    rows: list[int]
    unit: str

    def without(self, dropped: set[int]) -> Table:
        """The table without the rows at these positions."""
        kept = [place for place in range(len(self.rows)) if place not in dropped]
        columns = {name: [cells[p] for p in kept] for name, cells in self.columns.items()}
        return Table(self.path, columns, [self.rows[p] for p in kept], self.unit)

    def places(self, positions: Sequence[int], most: int = 5) -> str:
        """`lines 4, 9` of row positions, the first few."""
        listed = ", ".join(str(self.rows[position]) for position in positions[:most])
        more = f" and {len(positions) - most:,} more" if len(positions) > most else ""
        return f"{self.unit}{'s' if len(positions) > 1 else ''} {listed}{more}"


def read_table(path_text: str, separator: str | None) -> Table:
    """Reads a table; a file that starts with `PAR1` is Parquet, whatever its name.

    Raises `DataError` where it is missing, empty, ragged, or no table.
    """
    path = Path(path_text).expanduser()
    if not path.is_file():
        what = "this is no file" if path.exists() else "there is no such file"
        raise DataError(what, where=str(path), remedy="Set data.path.")
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        table = _parquet(path) if is_parquet else _csv(path, separator)
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error}", where=str(path), remedy="Check its permissions."
        ) from error
    if not table.rows:
        raise DataError("the table has no rows", where=str(path), remedy="Give one with examples.")
    return table


def as_number(cell: Cell) -> float | None:
    """The number in a cell, or None where it is a text."""
    if isinstance(cell, float):
        return cell
    try:
        return float(cell) if cell is not None else None
    except ValueError:
        return None


def _csv(path: Path, separator: str | None) -> Table:
    if separator is not None and len(separator) != 1:
        raise DataError(
            f"the separator {separator!r} is not one character",
            where="data.separator",
            remedy='Write it in double quotes, e.g. ";" or "\\t".',
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if "\0" in first:
                raise _no_table(path, "it holds zero bytes")
            file.seek(0)
            found = separator or max(_SEPARATORS, key=first.count)
            return _from_rows(path, csv.reader(file, delimiter=found, strict=True))
    except UnicodeDecodeError as error:
        raise _no_table(path, f"byte {error.start} is no UTF-8") from error
    except csv.Error as error:
        raise _no_table(path, str(error)) from error


def _no_table(path: Path, why: str) -> DataError:
    return DataError(
        f"this is no CSV table: {why}", where=str(path), remedy="Save it as CSV in UTF-8."
    )


def _from_rows(path: Path, reader: Any) -> Table:
    lines: Iterator[list[str]] = iter(reader)
    header = next(lines, [])
    if not any(name.strip() for name in header):
        raise DataError(
            "the first line names no columns", where=f"{path}:1", remedy="Add a header line."
        )
    names = [name.strip() or f"column_{place}" for place, name in enumerate(header, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"the column {twice[0]!r} stands twice in the header",
            where=f"{path}:1",
            remedy="Rename one of them.",
        )
    columns: dict[str, list[Cell]] = {name: [] for name in names}
    stores = list(columns.values())
    rows: list[int] = []
    for cells in lines:
        if not cells:
            continue
        if len(cells) != len(names):
            raise DataError(
                f"{len(cells)} cells where the header has {len(names)}",
                where=f"{path}:{reader.line_num}",
                remedy="Put quotes around cells that hold the separator, or set data.separator.",
            )
        rows.append(reader.line_num)
        for store, text in zip(stores, cells, strict=True):
            stripped = text.strip()
            empty = len(stripped) <= _LONGEST_MISSING and stripped.lower() in MISSING
            store.append(None if empty else stripped)
    return Table(path, columns, rows, "line")


def _parquet(path: Path) -> Table:
    try:
        import pyarrow  # an extra, and only for Parquet
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(
            "reading Parquet needs the package pyarrow",
            where=str(path),
            remedy="pip install 'dltui[tables]', or save the table as CSV.",
        ) from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, ValueError) as error:
        raise DataError(
            f"this is no readable Parquet file: {error}",
            where=str(path),
            remedy="Write it again; it may have been cut off.",
        ) from error
    columns = {
        name: [_cell(value) for value in table.column(name).to_pylist()]
        for name in table.column_names
    }
    return Table(path, columns, list(range(1, table.num_rows + 1)), "row")


def _cell(value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, int | float):
        return None if math.isnan(value) else float(value)
    text = str(value).strip()
    return None if text.lower() in MISSING else text
