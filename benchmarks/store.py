"""What the run store costs, beside TensorBoard's writer and reader: `python benchmarks/store.py`.

Both sides record the same scalars one after the other and read them back. The ratios hold across
machines, the times do not. Without TensorBoard (`pip install tensorboard`) only the store is
measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dltui.runs.metric_reader import MetricReader
from dltui.runs.metrics import MetricLog

COLUMNS = ("loss", "lr", "grad_norm", "accuracy")
REPEATS = 3


def write_store(path: Path, steps: int) -> float:
    """Seconds to record `steps` steps of four scalars, one write a step."""
    log = MetricLog(path, COLUMNS)
    start = time.perf_counter()
    for step in range(steps):
        log.append(step, float(step), (1.0 / (step + 1), 1e-3, 0.5, 0.9))
    spent_s = time.perf_counter() - start
    log.close()
    return spent_s


def read_store(path: Path) -> tuple[float, int]:
    """Seconds to open the log and take out every column, checksums verified, and the points."""
    start = time.perf_counter()
    reader = MetricReader(path)
    reader.poll()
    points = sum(len(reader.points(name)) for name in COLUMNS)
    return time.perf_counter() - start, points


def write_tensorboard(folder: Path, steps: int) -> float:
    """The same scalars through TensorBoard's event writer, flushed at the end."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    start = time.perf_counter()
    for step in range(steps):
        values = (1.0 / (step + 1), 1e-3, 0.5, 0.9)
        for name, value in zip(COLUMNS, values, strict=True):
            summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
            writer.add_event(Event(wall_time=float(step), step=step, summary=summary))
    writer.flush()
    spent_s = time.perf_counter() - start
    writer.close()
    return spent_s


def read_tensorboard(folder: Path) -> tuple[float, int]:
    """Seconds to load the event file and take out every scalar, and the points."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    start = time.perf_counter()
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    points = sum(len(events.Scalars(name)) for name in COLUMNS)
    return time.perf_counter() - start, points


def fastest(measure: Callable[[], tuple[float, int]]) -> tuple[float, int]:
    """The fastest of a few: what else the machine does only ever adds."""
    return min(measure() for _ in range(REPEATS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="compared with TensorBoard")
    parser.add_argument("--points", type=int, default=1_000_000, help="opened by the store alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "train.rank0.log"
        ours_write_s = write_store(log, options.steps)
        ours_read_s, points = fastest(lambda: read_store(log))
        print(f"{options.steps:,} steps of {len(COLUMNS)} scalars ({points:,} points)")
        print(f"  store        write {ours_write_s / options.steps * 1e6:8.1f} µs a step")
        print(f"               read  {ours_read_s * 1e3:8.1f} ms")
        print(f"               size  {log.stat().st_size / points:8.1f} bytes a point")
        if importlib.util.find_spec("tensorboard") is None:
            print("  TensorBoard  not installed, so not compared: pip install tensorboard")
        else:
            events = folder / "events"
            theirs_write_s = write_tensorboard(events, options.steps)
            theirs_read_s, their_points = read_tensorboard(events)
            assert their_points == points
            size = sum(path.stat().st_size for path in events.iterdir())
            print(f"  TensorBoard  write {theirs_write_s / options.steps * 1e6:8.1f} µs a step")
            print(f"               read  {theirs_read_s * 1e3:8.1f} ms")
            print(f"               size  {size / points:8.1f} bytes a point")
            print(f"  ratio        write {theirs_write_s / ours_write_s:8.1f} times")
            print(f"               read  {theirs_read_s / ours_read_s:8.1f} times")
        long_log = folder / "long.rank0.log"
        steps = options.points // len(COLUMNS)
        write_store(long_log, steps)
        spent_s, points = fastest(lambda: read_store(long_log))
        print(f"{points:,} points opened in {spent_s * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
