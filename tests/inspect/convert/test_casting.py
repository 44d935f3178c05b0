"""Casts round to nearest even, as torch does, and count what does not fit."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.inspect.convert.casting import TARGETS, cast
from dltui.inspect.dtypes import numbers

BITS32 = hnp.arrays(np.uint32, st.integers(1, 40), elements=st.integers(0, 2**32 - 1))


@pytest.mark.parametrize("dtype", TARGETS)
@given(bits=BITS32)
def test_every_float32_becomes_what_torch_makes_of_it(dtype: str, bits: np.ndarray) -> None:
    values = bits.view(np.float32)
    stored, overflowed, vanished = cast(values, dtype)
    wanted = torch.from_numpy(values).to(getattr(torch, dtype)).float().numpy()
    found = numbers(stored, dtype).astype(np.float32)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(values))
    assert overflowed == np.count_nonzero(np.isinf(wanted) & np.isfinite(values))
    assert vanished == np.count_nonzero((wanted == 0) & (values != 0))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float64_is_rounded_once(value: float) -> None:
    stored, overflowed, _ = cast(np.array([value]), "bfloat16")
    found = float(numbers(stored, "bfloat16")[0])
    if overflowed:
        assert abs(value) >= 2.0**127 * (2 - 2.0**-8)
        return
    bits = int(stored[0])
    neighbours = [
        float(numbers(np.array([near], np.uint16), "bfloat16")[0])
        for near in (bits - 1, bits + 1)
        if 0 <= near < 1 << 16
    ]
    distance = abs(Fraction(found) - Fraction(value))
    for other in neighbours:
        if np.isfinite(other):
            apart = abs(Fraction(other) - Fraction(value))
            assert distance < apart or (distance == apart and bits % 2 == 0)


def test_a_float64_just_above_a_tie_is_rounded_up() -> None:
    # By way of float32 it would become the tie, and that goes down to even.
    value = 1 + 2.0**-8 + 2.0**-40
    assert numbers(cast(np.array([value]), "bfloat16")[0], "bfloat16")[0] == 1 + 2.0**-7
