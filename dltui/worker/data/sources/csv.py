"""A CSV or Parquet table as numbers: features, one-hot texts, targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import CsvData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.sources.loaded import Loaded, Outline
from dltui.worker.data.sources.table_file import Cell, Table, as_number, read_table
from dltui.worker.data.sources.text_columns import check_column

MOST_CATEGORIES = 50
"""Different texts that a column may have to be one-hot encoded."""

_MISSING_CATEGORY = "(missing)"


def outline(section: CsvData, task: str) -> Outline:
    """Reads the table: its texts decide how many features there are."""
    return read(section, task).outline


def read(section: CsvData, task: str, say: Say | None = None) -> Loaded:
    """Features float32 `(N, F)`, NaN where a number is missing under `missing: mean`."""
    table = read_table(section.path, section.separator)
    targets = [section.target] if isinstance(section.target, str) else list(section.target)
    features = _features(section, table, targets)
    table, notes = _without_missing(section, table, features, targets)
    encoded = [_encoded(table, name) for name in features]
    target_info, target = _targets(table, targets, task)
    inputs = torch.cat([piece.columns for piece in encoded], dim=1)
    names = tuple(name for piece in encoded for name in piece.names)
    constant = [
        name for name, piece in zip(features, encoded, strict=True) if _is_constant(piece.columns)
    ]
    if constant:
        notes += (f"the same in every row: {', '.join(constant)}",)
    info = replace(target_info, shape=(len(names),), feature_names=names, notes=notes)
    numeric = torch.tensor([piece.numeric for piece in encoded for _ in piece.names])
    return Loaded(
        Outline(info, {"all": len(table.rows)}),
        {"all": TensorExamples(inputs, target)},
        "table",
        numeric=numeric,
    )


@dataclass(frozen=True, slots=True)
class _Encoded:
    names: list[str]
    columns: Tensor
    numeric: bool


def _features(section: CsvData, table: Table, targets: list[str]) -> list[str]:
    for key, names in (
        ("target", targets),
        ("features", section.features or []),
        ("drop", section.drop),
    ):
        for name in names:
            check_column(name, table, f"data.{key}")
    wanted = section.features or [name for name in table.columns if name not in targets]
    features = [name for name in wanted if name not in section.drop]
    both = set(features) & set(targets)
    if both:
        raise DataError(
            f"{min(both)!r} is a target and a feature at once",
            where="data.features",
            remedy="Take it out of data.features.",
        )
    if not features:
        raise DataError(
            "no column is left to learn from",
            where=str(table.path),
            remedy="Set data.features, shorten data.drop, or check data.separator.",
        )
    return features


def _without_missing(
    section: CsvData, table: Table, features: list[str], targets: list[str]
) -> tuple[Table, tuple[str, ...]]:
    """The table without the rows that the policy drops, and a note about them."""
    empty = {
        name: [place for place, cell in enumerate(table.columns[name]) if cell is None]
        for name in (*features, *targets)
    }
    empty = {name: places for name, places in empty.items() if places}
    if not empty:
        return table, ()
    if section.missing == "error":
        listed = "; ".join(f"{name!r} {table.places(places)}" for name, places in empty.items())
        raise DataError(
            f"{sum(map(len, empty.values())):,} cells are empty: {listed}",
            where=str(table.path),
            remedy="Set data.missing to drop (leave such rows out) or mean (fill them in).",
        )
    columns = empty if section.missing == "drop" else [name for name in targets if name in empty]
    dropped = {place for name in columns for place in empty[name]}
    notes = []
    if dropped:
        notes.append(
            f"{len(dropped):,} rows with empty cells left out: {table.places(sorted(dropped))}"
        )
    filled = sum(len(set(places) - dropped) for places in empty.values())
    if filled:
        notes.append(f"{filled:,} empty cells filled in: {', '.join(sorted(empty))}")
    if len(dropped) == len(table.rows):
        raise DataError(
            "every row has an empty cell",
            where=str(table.path),
            remedy="Drop columns that are mostly empty with data.drop, or set missing: mean.",
        )
    return table.without(dropped), tuple(notes)


def _encoded(table: Table, name: str) -> _Encoded:
    cells = table.columns[name]
    numbers = _numbers(cells)
    if numbers is not None:
        _check_finite(table, name, numbers)
        column = torch.tensor([math.nan if n is None else n for n in numbers], dtype=torch.float32)
        return _Encoded([name], column.unsqueeze(1), numeric=True)
    written = {cell: _MISSING_CATEGORY if cell is None else _text(cell) for cell in set(cells)}
    texts = [written[cell] for cell in cells]
    categories = sorted(set(texts))
    if len(categories) > MOST_CATEGORIES:
        examples = ", ".join(repr(text) for text in categories[:3])
        raise DataError(
            f"the text column {name!r} has {len(categories):,} different values "
            f"({examples}, …), at most {MOST_CATEGORIES} can be one-hot encoded",
            where=str(table.path),
            remedy=f"Leave it out with data.drop: [{name}].",
        )
    place = {category: number for number, category in enumerate(categories)}
    one_hot = torch.nn.functional.one_hot(
        torch.tensor([place[text] for text in texts]), len(categories)
    )
    return _Encoded([f"{name}={c}" for c in categories], one_hot.float(), numeric=False)


def _numbers(cells: Sequence[Cell]) -> list[float | None] | None:
    """The column as numbers, or None where a cell is a text."""
    try:
        return [None if cell is None else float(cell) for cell in cells]
    except ValueError:
        return None


def _check_finite(table: Table, name: str, numbers: Sequence[float | None]) -> None:
    wrong = [
        place
        for place, number in enumerate(numbers)
        if number is not None and not math.isfinite(number)
    ]
    if wrong:
        raise DataError(
            f"{name!r} is not finite in {table.places(wrong)}",
            where=str(table.path),
            remedy="Correct the cells, or empty them and set data.missing.",
        )


def _targets(table: Table, names: list[str], task: str) -> tuple[DataInfo, Tensor]:
    if not names:
        raise DataError("no target column is named", where="data.target", remedy="Name one.")
    columns = [_numbers(table.columns[name]) for name in names]
    if task == "multilabel":
        return _labels(table, names)
    if task == "regress" or (task != "classify" and None not in columns):
        return _values(table, names)
    if len(names) > 1:
        raise DataError(
            f"classify has one target, data.target names {len(names)}",
            where="data.target",
            remedy="Name one column, or use the task multilabel.",
        )
    return _classes(table, names[0])


def _classes(table: Table, name: str) -> tuple[DataInfo, Tensor]:
    cells = table.columns[name]
    numbers = _numbers(cells)
    if numbers is not None:
        _check_finite(table, name, numbers)
    written = {cell: _text(cell) for cell in set(cells)}
    texts = [written[cell] for cell in cells]
    known = sorted(set(texts), key=_class_order if numbers is not None else str)
    if len(known) < 2:
        raise DataError(
            f"the target {name!r} is {known[0]!r} in every row: there is one class only",
            where=str(table.path),
            remedy="Give a table with two classes or more, or another data.target.",
        )
    if len(known) > max(MOST_CATEGORIES, len(texts) // 2):
        raise DataError(
            f"the target {name!r} has {len(known):,} different values in {len(texts):,} rows",
            where="data.target",
            remedy="Use the task regress for numbers, or another data.target.",
        )
    place = {text: number for number, text in enumerate(known)}
    info = DataInfo((0,), "float32", "class", classes=len(known), class_names=tuple(known))
    return info, torch.tensor([place[text] for text in texts])


def _values(table: Table, names: list[str]) -> tuple[DataInfo, Tensor]:
    info = DataInfo((0,), "float32", "value", targets=len(names))
    return info, torch.tensor(_matrix(table, names), dtype=torch.float32).T.contiguous()


def _labels(table: Table, names: list[str]) -> tuple[DataInfo, Tensor]:
    rows = _matrix(table, names)
    for name, numbers in zip(names, rows, strict=True):
        wrong = [place for place, number in enumerate(numbers) if number not in (0.0, 1.0)]
        if wrong:
            raise DataError(
                f"the label {name!r} is neither 0 nor 1 in {table.places(wrong)}",
                where=str(table.path),
                remedy="Write 1 where a label holds and 0 where not, or use classify.",
            )
    info = DataInfo(
        (0,), "float32", "labels", classes=len(names), class_names=tuple(names), targets=len(names)
    )
    return info, torch.tensor(rows, dtype=torch.float32).T.contiguous()


def _matrix(table: Table, names: list[str]) -> list[list[float]]:
    rows = []
    for name in names:
        wrong = [p for p, cell in enumerate(table.columns[name]) if as_number(cell) is None]
        if wrong:
            raise DataError(
                f"the target {name!r} is no number in {table.places(wrong)}: "
                f"{table.columns[name][wrong[0]]!r}",
                where=str(table.path),
                remedy="Use the task classify for texts, or another data.target.",
            )
        numbers = [
            number for cell in table.columns[name] if (number := as_number(cell)) is not None
        ]
        _check_finite(table, name, numbers)
        rows.append(numbers)
    return rows


def _text(cell: Cell) -> str:
    """Whole numbers without a decimal point, so that 1 and 1.0 are one class."""
    number = as_number(cell)
    if number is not None and math.isfinite(number) and number == int(number):
        return str(int(number))
    return str(cell)


def _class_order(text: str) -> float:
    return float(text)


def _is_constant(columns: Tensor) -> bool:
    filled = columns[~columns.isnan().any(1)]
    return len(filled) < 2 or bool((filled == filled[0]).all())
