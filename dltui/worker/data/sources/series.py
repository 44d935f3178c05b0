"""Series from a table or from statsmodels, divided by time and cut into windows."""

from __future__ import annotations

import difflib
import importlib.util
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import MackeyGlassData, SeriesData
from dltui.worker.data.batches import Say
from dltui.worker.data.series_windows import SeriesWindows, Timeline, stretches, windows
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.table_file import Cell, Table, as_number, read_table
from dltui.worker.data.sources.time_column import broken_steps, read_times
from dltui.worker.data.split import DEFAULT


@dataclass(frozen=True, slots=True)
class _Known:
    """A real series of statsmodels, `statsmodels/datasets/<name>/<name>.csv`."""

    columns: tuple[str, ...]
    time: str | None = None


_KNOWN = {
    "sunspots": _Known(("SUNACTIVITY",), "YEAR"),
    "nile": _Known(("volume",), "year"),
    "co2": _Known(("co2",)),
    "macrodata": _Known(
        (
            "realgdp",
            "realcons",
            "realinv",
            "realgovt",
            "realdpi",
            "cpi",
            "m1",
            "tbilrate",
            "unemp",
            "pop",
            "infl",
            "realint",
        )
    ),
}


def outline(section: SeriesData, task: str) -> Outline:
    """Reads the table. Where it is not there yet but its columns are named, the model can be
    shown all the same."""
    if section.path is not None and not Path(section.path).expanduser().exists():
        targets, columns = _named(section)
        if columns:
            found = _promised(section, targets, columns)
            check_task(found.info, task, "series")
            return found
    return read(section, task).outline


def read(section: SeriesData, task: str, say: Say | None = None) -> Loaded:
    """Windows by part. `DataError` names what is wrong with the table, and in which lines."""
    if (section.path is None) == (section.name is None):
        raise DataError(
            "series come from a file or by name: give one of data.path and data.name",
            where="data.path",
            remedy="data.path=table.csv, or data.name=sunspots.",
        )
    if section.name is not None:
        section = _with_known(section, section.name)
    assert section.path is not None
    table = read_table(section.path, section.separator)
    targets, columns, notes = _columns(section, table)
    time, broken, more = _time(section, table)
    values = torch.tensor([_numbers(table, name) for name in columns], dtype=torch.float64).T
    timeline = Timeline(
        values.float(),
        time,
        broken,
        tuple(columns),
        len(targets),
        section.time or "step",
        (*notes, *more),
    )
    return cut(timeline, section, task, section.name or section.path, table)


def cut(
    timeline: Timeline,
    section: SeriesData | MackeyGlassData,
    task: str,
    where: str,
    table: Table | None = None,
) -> Loaded:
    """Series divided by time and cut into windows, missing values as the recipe says."""
    if section.kfold is not None:
        raise DataError(
            "folds of a series would learn from what comes after the validation part",
            where="data.kfold",
            remedy="Remove the key data.kfold; data.split divides by time.",
        )
    parts = stretches(len(timeline.values), DEFAULT if section.split == "own" else section.split)
    missing = section.missing if isinstance(section, SeriesData) else "error"
    timeline = _without_missing(timeline, missing, parts, where, table)
    found: dict[str, SeriesWindows] = windows(
        timeline,
        parts,
        section.context,
        section.horizon,
        standardize=section.standardize,
        where=where,
    )
    info = _info(section, timeline.targets, timeline.names)
    info = replace(info, notes=timeline.notes + _constant_notes(timeline, parts["train"]))
    check_task(info, task, "series")
    sizes = {name: len(part) for name, part in found.items()}
    return Loaded(Outline(info, sizes, divided=True), found, "series", divided=True)


def _info(section: SeriesData | MackeyGlassData, targets: int, names: tuple[str, ...]) -> DataInfo:
    return DataInfo(
        shape=(section.context, len(names)),
        dtype="float32",
        target="series",
        targets=targets,
        context=section.context,
        horizon=section.horizon,
        feature_names=names,
    )


def _promised(section: SeriesData, targets: list[str], columns: list[str]) -> Outline:
    note = f"there is no table {section.path} yet: shown with the columns {', '.join(columns)}"
    info = _info(section, len(targets), tuple(columns))
    return Outline(replace(info, needs_download=True, notes=(note,)), {}, divided=True)


def _with_known(section: SeriesData, name: str) -> SeriesData:
    """The section as if it named the file of statsmodels and its columns."""
    spec = importlib.util.find_spec("statsmodels")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    files = [Path(place) / "datasets" / name / f"{name}.csv" for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise DataError(
            f"the series {name} comes with the package statsmodels, which is not installed",
            where="data.name",
            remedy="pip install 'dltui[series]'",
        )
    known = _KNOWN[name]
    changes = {
        "path": str(found),
        "columns": section.columns or (None if section.target else list(known.columns)),
        "time": section.time or known.time,
    }
    return section.model_copy(update=changes)


def _named(section: SeriesData) -> tuple[list[str], list[str]]:
    """Targets and columns that the recipe names, targets first."""
    targets = [section.target] if isinstance(section.target, str) else list(section.target or ())
    columns = list(section.columns or ())
    targets = targets or columns
    return targets, list(dict.fromkeys([*targets, *columns]))


def _columns(section: SeriesData, table: Table) -> tuple[list[str], list[str], tuple[str, ...]]:
    """Targets, all columns with the targets first, and what was left out."""
    targets, named = _named(section)
    for key, names in (("time", [section.time] if section.time else []), ("columns", named)):
        for name in names:
            _check_there(name, table, f"data.{key}")
    if section.time in named:
        raise DataError(
            f"{section.time!r} is the time and a series at once",
            where="data.columns",
            remedy="Take it out of data.columns and data.target.",
        )
    if section.columns is not None:
        return targets, named, ()
    others = [name for name in table.columns if name != section.time]
    texts = [name for name in others if not _is_numeric(table.columns[name])]
    texts = [name for name in texts if name not in targets]
    numeric = [name for name in others if name not in texts]
    if not numeric:
        raise DataError(
            "no column holds numbers", where=str(table.path), remedy="Check data.separator."
        )
    notes = (f"columns of text left out: {', '.join(texts)}",) if texts else ()
    chosen = list(dict.fromkeys([*targets, *numeric]))
    return targets or chosen, chosen, notes


def _check_there(name: str, table: Table, where: str) -> None:
    if name in table.columns:
        return
    close = difflib.get_close_matches(name, list(table.columns), n=1)
    listed = ", ".join(list(table.columns)[:20])
    raise DataError(
        f"{table.path} has no column {name!r}",
        where=where,
        remedy=f"Did you mean {close[0]!r}?" if close else f"Its columns: {listed}.",
    )


def _is_numeric(cells: list[Cell]) -> bool:
    return all(cell is None or as_number(cell) is not None for cell in cells)


def _numbers(table: Table, name: str) -> list[float]:
    """The column, NaN where a cell is empty."""
    cells = table.columns[name]
    numbers = [math.nan if cell is None else as_number(cell) for cell in cells]
    wrong = [
        place
        for place, number in enumerate(numbers)
        if number is None or (cells[place] is not None and not math.isfinite(number))
    ]
    if wrong:
        raise DataError(
            f"{name!r} is no finite number in {table.places(wrong)}: {cells[wrong[0]]!r}",
            where=str(table.path),
            remedy="Correct the cells, empty them and set data.missing, or choose data.columns.",
        )
    return [number for number in numbers if number is not None]


def _time(section: SeriesData, table: Table) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """When each row was measured, the rows that do not follow regularly, and a note about them."""
    size = len(table.rows)
    if section.time is None:
        steps = torch.arange(size, dtype=torch.float64)
        return steps, torch.zeros(size, dtype=torch.bool), ()
    times = read_times(table, section.time)
    broken, said = broken_steps(times, table, section.time)
    if not said:
        return times.shown, broken, ()
    if section.gaps == "error":
        raise DataError(
            said,
            where=str(table.path),
            remedy="Set data.gaps to split (no window across such places) or ignore (as if the "
            "steps were equal).",
        )
    if section.gaps == "ignore":
        return times.shown, torch.zeros_like(broken), (f"{said}; taken as equal",)
    return times.shown, broken, (f"{said}; no window reaches across",)


def _without_missing(
    timeline: Timeline, policy: str, parts: dict[str, range], where: str, table: Table | None
) -> Timeline:
    holes = timeline.values.isnan()
    if not bool(holes.any()):
        return timeline
    names = [name for name, hole in zip(timeline.names, holes.T, strict=True) if bool(hole.any())]
    rows = holes.any(1).nonzero().flatten().tolist()
    places = "" if table is None else f" ({table.places(rows)})"
    count = f"{int(holes.sum()):,} values are missing in {', '.join(names)}{places}"
    if policy == "error":
        raise DataError(
            count,
            where=where,
            remedy="Set data.missing to interpolate, forward (keep the last value) or skip (leave "
            "out windows with such cells).",
        )
    if policy == "skip":
        note = f"{count}; windows with them are left out"
        return replace(timeline, notes=(*timeline.notes, note))
    values = _filled(timeline.values, policy, parts)
    note = f"{count}; filled in: {policy}"
    return replace(timeline, values=values, notes=(*timeline.notes, note))


def _filled(values: Tensor, policy: str, parts: dict[str, range]) -> Tensor:
    """Each part filled from its own and earlier rows, so that none learns from a later one."""
    filled = values.clone()
    for rows in parts.values():
        for column in range(values.shape[1]):
            known = (~values[: rows.stop, column].isnan()).nonzero().flatten().numpy()
            if not len(known):
                continue
            numbers = values[known, column].numpy()
            wanted = np.arange(rows.start, rows.stop)
            if policy == "interpolate":
                line = np.interp(wanted, known, numbers)
            else:
                line = numbers[np.maximum(np.searchsorted(known, wanted, "right") - 1, 0)]
            filled[rows.start : rows.stop, column] = torch.from_numpy(line).float()
    return filled


def _constant_notes(timeline: Timeline, rows: range) -> tuple[str, ...]:
    training = timeline.values[rows.start : rows.stop]
    constant = [
        name
        for name, column in zip(timeline.names, training.T, strict=True)
        if bool((column[~column.isnan()] == column[~column.isnan()][:1]).all())
    ]
    return (f"the same in the whole training part: {', '.join(constant)}",) if constant else ()
