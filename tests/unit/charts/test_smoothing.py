"""Smoothing equals the recurrence that TensorBoard documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dltui.charts.smoothing import Smoother


def recurrence(values, weight):
    state, seen, out = 0.0, 0, []
    for value in values:
        if not np.isfinite(value):
            out.append(np.nan)
            continue
        state = weight * state + (1 - weight) * value
        seen += 1
        out.append(state / (1 - weight**seen))
    return np.array(out)


values = hnp.arrays(
    np.float64,
    st.integers(0, 400),
    elements=st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf),
)


@given(values, st.sampled_from([0.01, 0.5, 0.9, 0.99, 0.999]), st.integers(0, 400))
def test_pieces_equal_the_recurrence_over_the_whole(y, weight, cut):
    smoother = Smoother(weight)
    joined = np.concatenate((smoother.smooth(y[:cut]), smoother.smooth(y[cut:])))
    np.testing.assert_allclose(joined, recurrence(y, weight), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("weight", [0.5, 0.99])
def test_a_constant_curve_is_not_bent_at_its_start(weight):
    np.testing.assert_allclose(Smoother(weight).smooth(np.full(50, 3.0)), 3.0)
