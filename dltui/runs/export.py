"""Metrics out of the store, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dltui.errors import StoreError, UsageError
from dltui.runs.atomic import TEMPORARY
from dltui.runs.catalogue import RunSummary
from dltui.runs.events import event_line
from dltui.runs.reader import RunReader

_ROWS = 65_536


def to_csv(reader: RunReader, stream: IO[str], metrics: Sequence[str] = ()) -> int:
    """One row a point: `metric,step,epoch,time,value`; time in unix seconds. Returns the rows.

    `metrics` chooses by full name, none means all. NaN and infinity are `nan` and `inf`. Raises
    UsageError for a metric that the run does not have.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["metric", "step", "epoch", "time", "value"])
    steps_per_epoch = reader.status.steps_per_epoch
    rows = 0
    for name in _chosen(reader, metrics):
        points = reader.metric(name)
        for start in range(0, len(points), _ROWS):
            part = slice(start, start + _ROWS)
            steps = points.steps[part].tolist()
            epochs = [step / steps_per_epoch if steps_per_epoch else "" for step in steps]
            times, values = points.times[part].tolist(), points.values[part].tolist()
            names = [name] * len(steps)
            writer.writerows(zip(names, steps, epochs, times, values, strict=True))
        rows += len(points)
    return rows


def to_json(reader: RunReader, stream: IO[str], metrics: Sequence[str] = ()) -> None:
    """`{"run": …, "metrics": {name: {"steps", "times", "values"}}, "events": […]}`.

    `run` is the object of `dltui runs --json`; NaN and infinity are null. A run with a forecast has
    `series` too, one with a latent map `scatter`: the newest step's arrays and their description.
    Raises UsageError for a metric that the run does not have.
    """
    names = _chosen(reader, metrics)
    summary = RunSummary(reader.folder, reader.state, reader.status)
    stream.write(f'{{"run": {json.dumps(summary.as_json(), allow_nan=False)},\n "metrics": {{')
    for number, name in enumerate(names):
        points = reader.metric(name)
        values = [value if math.isfinite(value) else None for value in points.values.tolist()]
        record: dict[str, Any] = {
            "steps": points.steps.tolist(),
            "times": points.times.tolist(),
            "values": values,
        }
        stream.write(f"{',' if number else ''}\n  {json.dumps(name)}: {json.dumps(record)}")
    stream.write('\n },\n "events": [')
    for number, event in enumerate(reader.events):
        line = event_line(event).decode().rstrip()
        stream.write(f"{',' if number else ''}\n  {line}")
    stream.write("\n ]")
    for group in ("series", "scatter"):
        log = reader.arrays(group)
        frame = log.last() if log is not None else None
        if frame is not None:
            arrays = {name: _finite(array.tolist()) for name, array in frame.arrays.items()}
            found = {"step": frame.step, **_finite(frame.meta), **arrays}
            stream.write(f',\n "{group}": {json.dumps(found, allow_nan=False)}')
    stream.write("}\n")


def _finite(value: Any) -> Any:
    """`value` with None in place of every number that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only once everything is written.

    Raises StoreError if it cannot be written; nothing is left behind then.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(
            f"cannot write the export: {error.strerror or error}",
            where=str(path),
            remedy="choose another place with --out",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _chosen(reader: RunReader, metrics: Sequence[str]) -> list[str]:
    there = reader.metric_names()
    for name in metrics:
        if name not in there:
            raise UsageError(
                f"this run has no metric {name!r}",
                where=reader.folder.id,
                remedy=f"it has {', '.join(there)}" if there else "it has recorded nothing yet",
            )
    return list(metrics) or there
