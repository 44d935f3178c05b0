"""Whatever a file says comes out as JSON that every reader takes, in bounded size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.inspect.plain_json import json_text, plain

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=40,
)


def strictly(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@given(NESTED)
def test_every_value_becomes_strict_json_without_control_characters(value: object) -> None:
    written = json_text(plain(value))
    assert strictly(written) == plain(value)
    assert written.isascii()
    assert written.replace("\n", "").isprintable()


@given(st.dictionaries(st.text(), st.lists(st.text() | st.integers() | st.floats(allow_nan=False))))
def test_finite_values_come_back_as_they_were(value: dict[str, list[object]]) -> None:
    infinite = (float("inf"), float("-inf"))
    finite = {key: [v for v in items if v not in infinite] for key, items in value.items()}
    assert strictly(json_text(plain(finite))) == finite


def test_numbers_that_json_has_not_are_named() -> None:
    found = plain({"best": float("inf"), "worst": float("-inf"), "loss": float("nan")})
    assert found == {"best": "Infinity", "worst": "-Infinity", "loss": "NaN"}


def test_an_integer_of_a_million_digits_is_told_and_not_written() -> None:
    assert plain([1 << 4_000_000]) == ["an integer of 4,000,001 bits"]


def test_long_lists_say_how_much_is_left_out() -> None:
    assert plain({"words": list(range(10))}, 3) == {"words": [0, 1, 2, "… 7 more"]}


def test_a_list_that_stands_for_a_billion_entries_is_cut() -> None:
    bomb: list[object] = ["x" * 1000]
    for _ in range(30):
        bomb = [bomb, bomb]
    assert len(json_text(plain(bomb))) < 3_000_000


def test_a_cycle_ends() -> None:
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    assert json_text(plain(cycle)).count("self") < 100
