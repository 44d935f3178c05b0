"""Metric logs: what was recorded is read back, whatever happened to the file."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import StoreError
from dltui.runs.checksums import damaged_records
from dltui.runs.metric_reader import MetricReader
from dltui.runs.metrics import MetricLog, record_bytes

COLUMNS = ("loss", "lr")


def write(path: Path, steps: list[int], columns: tuple[str, ...] = COLUMNS) -> None:
    log = MetricLog(path, columns)
    for step in steps:
        log.append(step, 1000.0 + step, [step / 2, *[0.1] * (len(columns) - 1)])
    log.close()


def read(path: Path) -> MetricReader:
    reader = MetricReader(path)
    reader.poll()
    return reader


def test_what_was_written_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    log = MetricLog(tmp_path / "train.rank0.log", COLUMNS)
    rows = [(0.1, 1e-300), (math.inf, -0.0), (math.nan, 5e300)]
    for step, row in enumerate(rows):
        log.append(step, 1.7e9 + step, row)
    log.close()
    reader = read(tmp_path / "train.rank0.log")
    assert reader.columns == COLUMNS
    assert reader.steps.tolist() == [0, 1, 2]
    assert reader.times.tolist() == [1.7e9, 1.7e9 + 1, 1.7e9 + 2]
    assert reader.values.tobytes() == np.array(rows).tobytes()


def test_not_measured_is_left_out_and_not_a_number_is_kept(tmp_path: Path) -> None:
    log = MetricLog(tmp_path / "train.rank0.log", COLUMNS)
    log.append(1, 0.0, (math.nan, None))
    log.append(2, 0.0, (1.0, 3.0))
    log.close()
    reader = read(tmp_path / "train.rank0.log")
    assert reader.points("loss").steps.tolist() == [1, 2]
    assert math.isnan(reader.points("loss").values[0])
    assert reader.points("lr").steps.tolist() == [2]


def test_a_reader_sees_new_points_while_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    reader = MetricReader(path)
    assert not reader.poll()
    log = MetricLog(path, COLUMNS)
    log.append(1, 0.0, (1.0, 1.0))
    assert reader.poll()
    held = reader.values
    for step in range(2, 1000):
        log.append(step, 0.0, (1.0, 1.0))
    assert reader.poll()
    assert not reader.poll()
    assert reader.steps.tolist() == list(range(1, 1000))
    assert held.tolist() == [[1.0, 1.0]]
    log.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), max_size=25))
def test_points_asked_for_along_the_way_are_those_asked_for_at_the_end(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, bool, bool]]
) -> None:
    path = tmp_path_factory.mktemp("points") / "train.rank0.log"
    log = MetricLog(path, COLUMNS)
    reader = MetricReader(path)
    for row, (step, measured, asked) in enumerate(written):
        log.append(step, float(row), (1.0 * row, 2.0 * row if measured else None))
        if asked:
            reader.poll()
            reader.points("lr")
    log.close()
    reader.poll()
    if not written:
        return
    found, expected = reader.points("lr"), read(path).points("lr")
    assert found.steps.tolist() == expected.steps.tolist()
    assert found.times.tolist() == expected.times.tolist()
    assert found.values.tolist() == expected.values.tolist() == (2 * expected.times).tolist()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_cut_at_any_byte_gives_its_whole_records_and_can_be_continued(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "train.rank0.log"
    write(path, list(range(5)))
    whole = path.read_bytes()
    start = len(whole) - 5 * record_bytes(2)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    survivors = list(range(max(cut - start, 0) // record_bytes(2)))
    assert read(path).steps.tolist() == survivors
    write(path, [77])
    assert read(path).steps.tolist() == [*survivors, 77]
    assert (path.stat().st_size - start) % record_bytes(2) == 0


@settings(max_examples=60, deadline=None)
@given(position=st.integers(512, 511 + 20 * record_bytes(2)), flip=st.integers(1, 255))
def test_a_damaged_byte_costs_one_record_and_is_counted(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "train.rank0.log"
    write(path, list(range(20)))
    content = bytearray(path.read_bytes())
    content[position] ^= flip
    path.write_bytes(content)
    hit = (position - 512) // record_bytes(2)
    reader = read(path)
    assert reader.steps.tolist() == [step for step in range(20) if step != hit]
    assert reader.damaged == (1 if hit < 19 else 0)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=2000))
def test_garbage_is_an_error_or_nothing_but_never_points(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "train.rank0.log"
    path.write_bytes(garbage)
    reader = MetricReader(path)
    with suppress(StoreError):
        assert not reader.poll()
    assert len(reader.steps) == 0


def test_the_block_checksum_finds_what_checking_every_record_finds() -> None:
    generator = np.random.default_rng(0)
    length, count = 28, 5000
    bodies = [generator.bytes(length - 4) for _ in range(count)]
    data = bytearray(b"".join(b + zlib.crc32(b).to_bytes(4, "little") for b in bodies))
    assert damaged_records(memoryview(bytes(data)), length) == []
    hit = sorted(generator.choice(count, 7, replace=False).tolist())
    for record in hit:
        data[record * length + int(generator.integers(length))] ^= 1
    assert damaged_records(memoryview(bytes(data)), length) == hit


def test_steps_recorded_again_after_going_back_replace_the_former_ones(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    write(path, [1, 2, 3, 4, 5])
    reader = read(path)
    write(path, [3, 4])
    assert reader.poll()
    assert reader.steps.tolist() == read(path).steps.tolist() == [1, 2, 3, 4]
    assert reader.revision == 1


def test_a_rewind_supersedes_also_where_the_next_step_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "val.rank0.log"
    write(path, [100, 200])
    log = MetricLog(path, COLUMNS)
    log.rewind(150)
    log.append(200, 0.0, (9.0, 9.0))
    log.append(300, 0.0, (8.0, 8.0))
    log.close()
    reader = read(path)
    assert reader.steps.tolist() == [100, 200, 300]
    assert reader.values[:, 0].tolist() == [50.0, 9.0, 8.0]


def superseded_removed(steps: list[int]) -> list[int]:
    """The rule of the format, one record at a time."""
    kept: list[int] = []
    for step in steps:
        limit = -step if step < 0 else step + 1
        if step >= 0 and kept and step < kept[-1]:
            limit = step
        kept = [item for item in kept if item < limit]
        if step >= 0:
            kept.append(step)
    return kept


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(-6, 8), st.booleans()), max_size=30))
def test_polling_in_pieces_gives_what_the_rule_gives_record_by_record(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "train.rank0.log"
    log = MetricLog(path, ("row",))
    piecewise = MetricReader(path)
    for row, (step, polled) in enumerate(written):
        log.append(step, 0.0, (float(row),))
        if polled:
            piecewise.poll()
    log.close()
    piecewise.poll()
    once = read(path)
    assert once.steps.tolist() == superseded_removed([step for step, _ in written])
    assert piecewise.steps.tolist() == once.steps.tolist()
    assert piecewise.values.tolist() == once.values.tolist()


def test_other_columns_after_a_resume_are_joined_in_one_table(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    write(path, [1, 2], ("loss", "lr"))
    write(path, [3], ("loss", "accuracy"))
    write(path, [4], ("loss", "accuracy"))
    reader = read(path)
    assert [item.name for item in sorted(tmp_path.iterdir())] == [
        "train.rank0.2.log",
        "train.rank0.log",
    ]
    assert reader.columns == ("loss", "lr", "accuracy")
    assert reader.points("loss").steps.tolist() == [1, 2, 3, 4]
    assert reader.points("lr").steps.tolist() == [1, 2]
    assert reader.points("accuracy").steps.tolist() == [3, 4]


class FullDisk:
    """`os.pwrite` that takes only so many bytes, then fails as a full disk does."""

    def __init__(self, room: int):
        self.room = room

    def __call__(self, descriptor: int, data: bytes, offset: int, /) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = os.pwrite(descriptor, data[: self.room], offset)
        self.room -= taken
        return taken


def test_a_full_disk_keeps_the_newest_records_and_writes_them_when_space_returns(
    tmp_path: Path,
) -> None:
    path = tmp_path / "train.rank0.log"
    disk = FullDisk(512 + 3 * record_bytes(2) + 7)
    alarms: list[str] = []
    log = MetricLog(path, COLUMNS, alarm=alarms.append, ring_bytes=4 * record_bytes(2), write=disk)
    for step in range(10):
        log.append(step, 0.0, (1.0, 1.0))
    assert read(path).steps.tolist() == [0, 1, 2]
    assert (path.stat().st_size - 512) % record_bytes(2) == 0
    assert len(alarms) == 1
    assert "disk is full" in alarms[0]
    disk.room = 10**6
    assert log.flush()
    log.append(10, 0.0, (1.0, 1.0))
    log.close()
    assert read(path).steps.tolist() == [0, 1, 2, 6, 7, 8, 9, 10]
    assert "3 oldest records were lost" in alarms[1]


@pytest.mark.parametrize("room", [0, 100, 512, 600])
def test_a_disk_that_is_full_from_the_start_still_gives_a_readable_log_later(
    tmp_path: Path, room: int
) -> None:
    path = tmp_path / "train.rank0.log"
    disk = FullDisk(room)
    log = MetricLog(path, COLUMNS, ring_bytes=600, write=disk)
    for step in range(50):
        log.append(step, 0.0, (1.0, 1.0))
    disk.room = 10**6
    log.close()
    reader = read(path)
    assert reader.columns == COLUMNS
    assert reader.steps[-1] == 49


def test_a_writer_killed_in_the_middle_leaves_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    program = (
        "import sys; from pathlib import Path; from dltui.runs.metrics import MetricLog\n"
        "log = MetricLog(Path(sys.argv[1]), ('loss', 'lr'))\n"
        "for step in range(10**9):\n"
        "    log.append(step, 0.0, (1.0, 2.0))\n"
        "    if step == 2000: print('going', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    reader = read(path)
    count = len(reader.steps)
    assert count > 2000
    assert reader.steps.tolist() == list(range(count))
    assert reader.damaged == 0
    write(path, [count])
    assert read(path).steps[-1] == count


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    write(path, [1, 2, 3])
    reader = read(path)
    path.unlink()
    write(path, [5])
    assert reader.poll()
    assert reader.steps.tolist() == [5]


def test_a_foreign_file_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "train.rank0.log"
    path.write_text('{"hello": 1}\n')
    with pytest.raises(StoreError, match="not a metric log"):
        MetricLog(path, COLUMNS)
    assert path.read_text() == '{"hello": 1}\n'
