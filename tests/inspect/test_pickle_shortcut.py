"""Calls that rebuild tensors, read at one go: the same nodes as opcode by opcode, or none."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.pickles import machine
from dltui.inspect.pickles.machine import Unpickled, unpickle
from dltui.inspect.pickles.nodes import Entries, Instance, TensorCall


def pickled(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def all_kinds() -> dict[str, Any]:
    """Tensors of all ranks, views, parameters, tied ones, and what stands between them."""
    state: dict[str, Any] = {f"first.{i}.weight": torch.zeros(2) for i in range(40)}
    whole = torch.zeros(300, 70)
    state |= {f"rank{n}": torch.zeros(tuple(range(1, n + 1))) for n in range(7)}
    state |= {
        "large": whole,
        "long": torch.zeros(70_000),
        "slice": whole[100:, 3:],
        "transposed": whole.t(),
        "spread": torch.zeros(3, 1).expand(3, 100_000),
        "empty": torch.zeros(0, 4),
        "trained": torch.zeros(3).requires_grad_(),
        "parameter": torch.nn.Parameter(torch.zeros(3)),
        "half": torch.zeros(4, dtype=torch.float16),
        "again half": torch.zeros(4, dtype=torch.float16),
        "tied": whole,
        "epoch": 3,
        "optimizer": {i: {"step": torch.tensor(1.0), "exp": torch.zeros(9)} for i in range(20)},
    }
    return state


def read(data: bytes, at_one_go: bool, monkeypatch: pytest.MonkeyPatch) -> Unpickled:
    with monkeypatch.context() as patch:
        patch.setattr(machine, "LONG_BYTES", 0 if at_one_go else len(data))
        return unpickle(data, Budget(Path("f")))


def described(root: Any) -> list[Any]:
    """Every node in the order in which it is met; one met before by its number."""
    numbers: dict[int, int] = {}
    found: list[Any] = []

    def walk(node: Any) -> None:
        # Small numbers, texts and tuples may be one object or several that are equal.
        if isinstance(node, str | int | float | bytes | None):
            found.append(node)
        elif isinstance(node, tuple | list):
            found.append((type(node).__name__, len(node)))
            for item in node:
                walk(item)
        elif id(node) in numbers:
            found.append(("again", numbers[id(node)]))
        else:
            numbers[id(node)] = len(numbers)
            kind = Instance if isinstance(node, Instance) else type(node)
            found.append(kind.__name__)
            for name in kind.__slots__:
                walk(getattr(node, name))

    walk(root)
    return found


def read_at_one_go(found: Unpickled) -> set[str]:
    """The names of the tensors that were."""
    assert isinstance(found.value, Entries)
    return {name for name, value in found.value.pairs if isinstance(value, TensorCall)}


def test_tensors_of_all_kinds_are_the_same_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickled(all_kinds())
    slow, fast = (read(data, at_one_go, monkeypatch) for at_one_go in (False, True))
    assert described(fast.value) == described(slow.value)
    assert (fast.end, fast.globals) == (slow.end, slow.globals)
    assert described(fast.references) == described(slow.references)
    assert not read_at_one_go(slow)
    ranks = {f"rank{n}" for n in range(7)}
    assert read_at_one_go(fast) >= {*ranks, "large", "long", "spread", "empty", "trained"}


def test_it_costs_no_more_than_opcode_by_opcode(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickled({f"layers.{i}.weight": torch.zeros(300, 4) for i in range(2_000)})
    left = []
    for long_bytes in (len(data), 0):
        budget = Budget(Path("f"))
        with monkeypatch.context() as patch:
            patch.setattr(machine, "LONG_BYTES", long_bytes)
            unpickle(data, budget)
        left.append(budget.left_bytes)
    slow, fast = left
    assert fast >= slow


PICKLE = pickled({f"{i}": torch.zeros(2 + i % 3) for i in range(100)})


def outcome(data: bytes, at_one_go: bool, monkeypatch: pytest.MonkeyPatch) -> Any:
    try:
        found = read(data, at_one_go, monkeypatch)
    except CheckpointError:
        return "refused"
    return described((found.value, found.references)), found.end


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_damaged_bytes_are_read_or_refused_alike(changes: list[tuple[int, int]]) -> None:
    # The last 2,000 bytes are those of 20 tensors that are read at one go where they are whole.
    data = bytearray(PICKLE)
    for back, value in changes:
        data[-1 - back] = value
    with pytest.MonkeyPatch.context() as patch:
        slow, fast = (outcome(bytes(data), at_one_go, patch) for at_one_go in (False, True))
    assert fast == slow
