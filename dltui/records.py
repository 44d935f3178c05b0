"""Frozen records that cost next to nothing to define.

A frozen dataclass with slots takes half a millisecond to define and needs `inspect`, `ast` and
`tokenize`, ten more: with thirty of them a third of the time in which a checkpoint is listed. A
`record` behaves as `@dataclass(frozen=True, slots=True)` does, to type checkers and to
`dataclasses.replace`, `fields` and `asdict` too, and is defined in a fraction of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")
_NOT_KEPT = ("__dict__", "__weakref__")


class _Made:
    """A default that is made anew for each record."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]):
        self.make = make


def made(*, default_factory: Callable[[], Any]) -> Any:
    """The default of a field, made anew for each record."""
    return _Made(default_factory)


@dataclass_transform(frozen_default=True, field_specifiers=(made,))
def record(cls: type[T]) -> type[T]:
    """`cls` as an immutable class with slots, whose fields are its annotations, in their order.

    Two of the same class are equal if all of their fields are. For classes without bases whose
    annotations are all fields.
    """
    names = tuple(cls.__annotations__)
    body = {key: value for key, value in cls.__dict__.items() if key not in _NOT_KEPT}
    defaults = {name: body.pop(name) for name in names if name in body}
    values = _values(names)
    body |= {
        "__slots__": names,
        "__match_args__": names,
        "__eq__": lambda self, other: (
            values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented
        ),
        "__hash__": lambda self: hash(values(self)),
        "__getstate__": lambda self: values(self),
        "__setstate__": _set_state,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__dataclass_fields__": _Fields(defaults),
    }
    if "__repr__" not in body:
        body["__repr__"] = _text
    made_class: Any = type(cls.__name__, (), body)
    made_class.__init__ = _first_initializer(made_class, names, defaults)
    kept: type[T] = made_class
    return kept


def replaced(item: T, **fields: Any) -> T:
    """The same record with other values of some fields; `dataclasses.replace` without that
    module. Raises TypeError for a field that it has not."""
    kept = {name: getattr(item, name) for name in item.__slots__}  # type: ignore[attr-defined]
    return type(item)(**kept | fields)


class _Fields:
    """What `dataclasses` asks a class for; made, with that module, when it is first asked for."""

    __slots__ = ("defaults", "made")

    def __init__(self, defaults: dict[str, Any]):
        self.defaults = defaults
        self.made: dict[str, Any] | None = None

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        if self.made is None:
            import dataclasses

            fields: list[Any] = []
            for name, kind in owner.__annotations__.items():
                default = self.defaults.get(name, dataclasses.MISSING)
                own = (
                    dataclasses.field(default_factory=default.make)
                    if isinstance(default, _Made)
                    else dataclasses.field(default=default)
                )
                fields.append((name, kind, own))
            twin: Any = dataclasses.make_dataclass(owner.__name__, fields)
            self.made = twin.__dataclass_fields__
        return self.made


def _first_initializer(
    cls: type[Any], names: Iterable[str], defaults: dict[str, Any]
) -> Callable[..., None]:
    """`__init__` until the first record is made: a listing makes few of the kinds there are."""

    def __init__(self: Any, *values: Any, **fields: Any) -> None:  # noqa: N807
        cls.__init__ = _initializer(cls, names, defaults)
        cls.__init__(self, *values, **fields)

    return __init__


def _initializer(cls: type, names: Iterable[str], defaults: dict[str, Any]) -> Callable[..., None]:
    """`__init__` with one parameter a field, compiled: records are made by the ten thousand."""
    known: dict[str, Any] = {"_missing": object()}
    parameters, lines = [], ["    pass"]
    for name in names:
        known[f"_set_{name}"] = getattr(cls, name).__set__
        value = name
        if name not in defaults:
            parameters.append(name)
        elif isinstance(defaults[name], _Made):
            known[f"_make_{name}"] = defaults[name].make
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            known[f"_default_{name}"] = defaults[name]
            parameters.append(f"{name}=_default_{name}")
        lines.append(f"    _set_{name}(self, {value})")
    found: dict[str, Any] = {}
    exec("\n".join((f"def __init__(self, {', '.join(parameters)}):", *lines)), known, found)
    initializer: Callable[..., None] = found["__init__"]
    return initializer


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes all fields out of a record."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _text(self: Any) -> str:
    said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{type(self).__qualname__}({said})"


def _set_state(self: Any, state: tuple[Any, ...]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


def _refuse(self: Any, name: str, *value: Any) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be set: records are frozen")
