"""Whatever is pressed, at any size, over runs that are sound or not: no crash and no hang."""

from __future__ import annotations

import pytest

from tests.reliability.experiments import tried


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random-keys", "random-garbage"])
def test_random_keys_and_sizes_break_nothing(name: str) -> None:
    row = tried(name, "--minutes", "0.17", "--seed", "5")
    assert row["losses"] == []
    assert row["times"] > 0
    assert int(row["notes"].split()[0].replace(",", "")) > 10
