"""A record is what a frozen dataclass with slots is, only defined faster."""

import copy
import pickle
import subprocess
import sys
from dataclasses import asdict, fields, is_dataclass, replace

import pytest

from dltui.inspect.contents import Checkpoint, Extent, Module, Plain
from dltui.records import made, record, replaced


@record
class Point:
    """A place."""

    x: int
    y: int = 2
    names: list[str] = made(default_factory=list)

    @property
    def sum(self) -> int:
        return self.x + self.y


@record
class Other:
    x: int
    y: int = 2
    names: list[str] = made(default_factory=list)


def test_it_is_made_shown_and_compared_as_a_dataclass_is() -> None:
    point = Point(1, names=["a"])
    assert (point.x, point.y, point.sum, point.names) == (1, 2, 3, ["a"])
    assert repr(point) == "Point(x=1, y=2, names=['a'])"
    assert point == Point(1, 2, ["a"])
    assert point != Point(1, 3, ["a"])
    assert point != Other(1, 2, ["a"])
    assert Point(1).names is not Point(1).names
    assert Point.__doc__ == "A place."
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)
    assert hash(Extent(0, 1, 2)) == hash(Extent(0, 1, 2))
    assert Plain(Extent(0, 1, 2)) != Plain(Extent(0, 1, 3))


def test_it_is_frozen_and_takes_its_fields_alone() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be set"):
        point.x = 3
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 3
    with pytest.raises(TypeError):
        Point()
    with pytest.raises(TypeError):
        Point(1, z=3)


def test_the_functions_of_dataclasses_take_it() -> None:
    point = Point(1)
    assert is_dataclass(point)
    assert replace(point, y=5) == Point(1, 5)
    assert replaced(point, y=5) == Point(1, 5)
    with pytest.raises(TypeError):
        replaced(point, z=1)
    assert [field.name for field in fields(point)] == ["x", "y", "names"]
    assert asdict(Point(1, names=["a"])) == {"x": 1, "y": 2, "names": ["a"]}
    with pytest.raises(TypeError):
        replace(point, z=1)


def test_it_can_be_copied_and_pickled() -> None:
    module = Module("Linear", {"bias": True})
    assert copy.deepcopy(module) == module
    assert pickle.loads(pickle.dumps(module)) == module


def test_the_contents_of_a_checkpoint_are_defined_without_dataclasses() -> None:
    code = "import sys, dltui.inspect.contents; print('dataclasses' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert Checkpoint.__slots__[0] == "path"
