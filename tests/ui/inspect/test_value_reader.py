"""Values are read in a thread: the newest wish wins, what was read is kept, errors are told."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from dltui.ui.inspect.reading import Reading, ValueReader
from tests.ui.inspect.files import saved

PATIENCE_S = 20.0


class Told:
    """Collects what a reader delivers."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._more = threading.Condition()

    def __call__(self, reading: Reading) -> None:
        with self._more:
            self.readings.append(reading)
            self._more.notify_all()

    def wait_for_end_of(self, key: str) -> Reading:
        def ended() -> Reading | None:
            return next((r for r in self.readings if r.key == key and r.is_done), None)

        with self._more:
            assert self._more.wait_for(ended, PATIENCE_S)
            found = ended()
        assert found is not None
        return found


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def reader(tmp_path: Path, told: Told) -> Iterator[ValueReader]:
    reader = ValueReader(open_checkpoint(saved(tmp_path)), told)
    yield reader
    reader.close()


class Endless:
    """A reading that only ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, values: object, cancelled: Callable[[], bool]) -> Iterator[int]:
        self.begun.set()
        while not cancelled():
            pass
        self.ended.set()
        yield 1


def test_results_come_as_they_get_better_and_the_last_is_kept(
    reader: ValueReader, told: Told
) -> None:
    reader.want("a", lambda values, cancelled: iter([1, 2, 3]))
    assert told.wait_for_end_of("a").result == 3
    assert [reading.result for reading in told.readings] == [1, 2, 3, 3]
    known = reader.known("a")
    assert known is not None
    assert known.result == 3


def test_a_newer_wish_ends_the_one_before(reader: ValueReader, told: Told) -> None:
    endless = Endless()
    reader.want("slow", endless)
    assert endless.begun.wait(PATIENCE_S)
    reader.want("quick", lambda values, cancelled: iter([2]))
    assert told.wait_for_end_of("quick").result == 2
    assert endless.ended.is_set()
    assert not any(reading.key == "slow" for reading in told.readings)
    assert reader.known("slow") is None


def test_looking_away_ends_the_reading(reader: ValueReader, told: Told) -> None:
    endless = Endless()
    reader.want("slow", endless)
    assert endless.begun.wait(PATIENCE_S)
    reader.give_up()
    assert endless.ended.wait(PATIENCE_S)
    assert told.readings == []


def test_what_cannot_be_read_is_told_and_asked_for_again(reader: ValueReader, told: Told) -> None:
    def refused(values: object, cancelled) -> Iterator[int]:
        raise CheckpointError("it is damaged")
        yield 0

    reader.want("a", refused)
    assert told.wait_for_end_of("a").problem == "it is damaged"
    assert reader.known("a") is None
    told.readings.clear()
    reader.want("a", lambda values, cancelled: iter([5]))
    assert told.wait_for_end_of("a").result == 5
