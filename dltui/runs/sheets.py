"""Contents of samples: a sheet of pictures in rows and columns, and a table of text pairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.runs.clean import printable
from dltui.runs.samples import read_samples

MAX_PICTURES = 1024
MAX_PAIRS = 1000
MAX_COLUMNS = 64
_MAX_PNG_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class SheetPicture:
    """One picture: its PNG file and what it shows."""

    path: Path
    caption: str

    def png(self) -> bytes | None:
        """The file's bytes; None once it was pruned, or where it is not a small file."""
        try:
            if not self.path.is_file() or self.path.stat().st_size > _MAX_PNG_BYTES:
                return None
            return self.path.read_bytes()
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class PictureSheet:
    """Pictures in reading order, `columns` a row; `row_labels` name the rows or are empty."""

    step: int
    title: str
    columns: int
    pictures: tuple[SheetPicture, ...]
    row_labels: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return -(-len(self.pictures) // self.columns)


@dataclass(frozen=True, slots=True)
class TextPairs:
    """Rows of texts, one a column; `good` says of each row whether the output is right."""

    step: int
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    good: tuple[bool | None, ...]


def picture_files(
    step: int,
    title: str,
    pictures: Iterable[tuple[bytes, str]],
    *,
    columns: int,
    row_labels: Sequence[str] = (),
) -> dict[str, bytes]:
    """`pictures.json` and its PNG files, for `publish_files`; `pictures` are (PNG, caption).

    Raises ValueError for no column or more pictures than are ever read (`MAX_PICTURES`).
    """
    if not 1 <= columns <= MAX_COLUMNS:
        raise ValueError(f"columns must be 1 to {MAX_COLUMNS}, not {columns}")
    files: dict[str, bytes] = {}
    entries = []
    for number, (png, caption) in enumerate(pictures):
        if number == MAX_PICTURES:
            raise ValueError(f"a sheet holds at most {MAX_PICTURES} pictures")
        name = f"p{number:03d}.png"
        files[name] = png
        entries.append({"file": name, "caption": caption})
    content: dict[str, Any] = {
        "step": step,
        "title": title,
        "columns": columns,
        "pictures": entries,
    }
    if row_labels:
        content["row_labels"] = list(row_labels)
    files["pictures.json"] = _json(content)
    return files


def pair_files(
    step: int,
    title: str,
    rows: Sequence[Sequence[str]],
    good: Sequence[bool],
    *,
    columns: Sequence[str] = ("source", "truth", "output"),
) -> dict[str, bytes]:
    """`pairs.json`, for `publish_files`: each row has a text for each of `columns`.

    Raises ValueError where a row has another length or `good` is not one a row.
    """
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"each row needs {len(columns)} texts: {', '.join(columns)}")
    if len(good) != len(rows):
        raise ValueError(f"{len(rows)} rows, but {len(good)} verdicts")
    content = {
        "step": step,
        "title": title,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "good": [bool(verdict) for verdict in good],
    }
    return {"pairs.json": _json(content)}


def read_pictures(folder: Path) -> PictureSheet | None:
    """The sheet of one step's folder; None once it was pruned.

    Entries that name no plain file of the folder are left out. Raises StoreError if the file is
    damaged.
    """
    plain = read_samples(folder, "pictures")
    if plain is None:
        return None
    pictures = []
    for entry in _list(plain.get("pictures"))[:MAX_PICTURES]:
        name = entry.get("file") if isinstance(entry, dict) else None
        # A name, never a path: a sample must not show files from elsewhere.
        if isinstance(name, str) and name == Path(name).name and name not in ("", ".", ".."):
            caption = printable(str(entry.get("caption") or ""))
            pictures.append(SheetPicture(folder / name, caption))
    columns = plain.get("columns")
    fitting = columns if isinstance(columns, int) and columns > 0 else len(pictures)
    return PictureSheet(
        _step(plain),
        printable(str(plain.get("title") or "pictures")),
        min(max(1, fitting), MAX_COLUMNS),
        tuple(pictures),
        tuple(printable(str(label)) for label in _list(plain.get("row_labels"))),
    )


def read_pairs(folder: Path) -> TextPairs | None:
    """The pairs of one step's folder; None once it was pruned.

    Short rows are filled with empty texts. Raises StoreError if the file is damaged.
    """
    plain = read_samples(folder, "pairs")
    if plain is None:
        return None
    found = tuple(printable(str(name)) for name in _list(plain.get("columns"))[:MAX_COLUMNS])
    columns = found or ("source", "truth", "output")
    rows = tuple(
        tuple(str(text) for text in (row + [""] * len(columns))[: len(columns)])
        for row in _list(plain.get("rows"))[:MAX_PAIRS]
        if isinstance(row, list)
    )
    verdicts = _list(plain.get("good"))
    good = tuple(
        verdicts[place] if place < len(verdicts) and isinstance(verdicts[place], bool) else None
        for place in range(len(rows))
    )
    title = printable(str(plain.get("title") or "pairs"))
    return TextPairs(_step(plain), title, columns, rows, good)


def _json(content: object) -> bytes:
    # A lone surrogate cannot be encoded; escaped it can, and readers show it as a replacement.
    return json.dumps(content).encode()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _step(plain: dict[str, Any]) -> int:
    step = plain.get("step")
    return step if isinstance(step, int) else 0
