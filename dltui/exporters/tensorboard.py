"""A run as TensorBoard event files: scalars, histograms, pictures and the recipe.

Needs the `tensorboard` package (not torch, not TensorFlow). Histograms keep the store's buckets,
four an octave, so that nothing is counted twice; TensorBoard draws thirty of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from dltui.closing import Closing
from dltui.errors import StoreError
from dltui.runs import RunReader
from dltui.runs.array_reader import Frame
from dltui.runs.buckets import in_order
from dltui.runs.sheets import read_pictures

_HISTOGRAMS = ("weights", "gradients", "activations")


class EventFile(Closing):
    """Tails a run into `folder/<run id>/events.out.tfevents.…`, which TensorBoard can be showing.

    Every call of `update` adds what is new. Where a resumed run took steps back, TensorBoard is
    told to forget them all and gets the run anew. Raises StoreError if the disk takes no more.
    """

    def __init__(self, reader: RunReader, folder: Path):
        self._reader = reader
        self._revision = reader.revision
        self._rows: dict[str, int] = {}
        self._frames = 0
        self._pictures: set[str] = set()
        place = folder / reader.folder.id
        self.path = place / f"events.out.tfevents.{int(time.time()):010d}.dltui.{os.getpid()}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb")
        except OSError as error:
            raise self._refused(error) from error
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._write_recipe()

    def update(self) -> int:
        """Writes what the reader has seen since the last call; how many events that were."""
        if self._reader.revision != self._revision:
            self._revision = self._reader.revision
            self._rows.clear()
            self._pictures.clear()
            self._frames = 0
            self._write(Event(step=0, session_log=SessionLog(status=SessionLog.START)))
        count = 0
        for event in self._new_events():
            self._write(event)
            count += 1
        try:
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error
        return count

    def _new_events(self) -> Iterator[Event]:
        for group in sorted({name.partition("/")[0] for name in self._reader.metric_names()}):
            yield from self._scalars(group)
        log = self._reader.arrays("histograms")
        while log is not None and self._frames < len(log):
            number, self._frames = self._frames, self._frames + 1
            with suppress(StoreError):  # a damaged frame; the others can still be shown
                yield from _histograms(log.frame(number))
        for folder in self._reader.sample_folders("pictures"):
            if folder.name not in self._pictures:
                self._pictures.add(folder.name)
                yield from _pictures(folder)

    def _scalars(self, group: str) -> Iterator[Event]:
        """One event a row; a value that is absent is left out, NaN that was recorded is not."""
        table = self._reader.metric_reader(group)
        if table is None:
            return
        begin = self._rows.get(group, 0)
        points = {f"{group}/{column}": table.points(column) for column in table.columns}
        rows: dict[tuple[int, float], list[Summary.Value]] = {}
        last = begin
        for name, found in points.items():
            new = int(np.searchsorted(found.steps, begin, side="left"))
            columns = (found.steps[new:], found.times[new:], found.values[new:])
            for step, at, value in zip(*(part.tolist() for part in columns), strict=True):
                row = rows.setdefault((step, at), [])
                row.append(Summary.Value(tag=name, simple_value=value))
                last = max(last, step + 1)
        self._rows[group] = last
        for (step, at), values in sorted(rows.items(), key=lambda row: row[0]):
            yield Event(step=step, wall_time=at, summary=Summary(value=values))

    def _write_recipe(self) -> None:
        try:
            recipe = self._reader.folder.recipe.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return  # a run without it can still be shown
        indented = "\n".join(f"    {line}" for line in recipe.splitlines())
        tensor = TensorProto(
            dtype=DT_STRING,
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
            string_val=[indented.encode()],
        )
        kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        value = Summary.Value(tag="recipe", tensor=tensor, metadata=kind)
        self._write(Event(wall_time=time.time(), step=0, summary=Summary(value=[value])))

    def _write(self, event: Event) -> None:
        try:
            self._records.write(event.SerializeToString())
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            f"cannot write the event file: {error.strerror or error}",
            where=str(self.path),
            remedy="choose another folder with --out",
        )

    def close(self) -> None:
        """Close the file."""
        self._records.close()


def _histograms(frame: Frame) -> Iterator[Event]:
    for kind in _HISTOGRAMS:
        counts, names = frame.arrays.get(kind), frame.meta.get(kind)
        if counts is None or not isinstance(names, list) or len(names) != len(counts):
            continue
        for name, row in zip(names, counts, strict=True):
            value = Summary.Value(tag=f"{kind}/{name}", histo=_histogram(row))
            yield Event(step=frame.step, wall_time=frame.time, summary=Summary(value=[value]))


def _histogram(counts: NDArray[Any]) -> HistogramProto:
    """The buckets between the outermost that hold a value; sums are taken at their middles."""
    ordered, edges = in_order(counts)
    filled = np.flatnonzero(ordered)
    if not len(filled):
        return HistogramProto(min=0, max=0, num=0, bucket_limit=[0.0], bucket=[0.0])
    first, last = int(filled[0]), int(filled[-1]) + 1
    heights, middles = ordered[first:last], (edges[first:last] + edges[first + 1 : last + 1]) / 2
    return HistogramProto(
        min=edges[first],
        max=edges[last],
        num=heights.sum(),
        sum=heights @ middles,
        sum_squares=heights @ np.square(middles),
        bucket_limit=edges[first + 1 : last + 1].tolist(),
        bucket=heights.tolist(),
    )


def _pictures(folder: Path) -> Iterator[Event]:
    sheet = read_pictures(folder)
    if sheet is None:
        return
    for number, picture in enumerate(sheet.pictures):
        png = picture.png()
        if png is None or png[:8] != b"\x89PNG\r\n\x1a\n":
            continue
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        image = Summary.Image(height=height, width=width, encoded_image_string=png)
        tag = f"{sheet.title}/{number:03d} {picture.caption}".rstrip()
        value = Summary.Value(tag=tag, image=image)
        at = folder.stat().st_mtime
        yield Event(step=sheet.step, wall_time=at, summary=Summary(value=[value]))
