"""The budget is kept whatever a sample costs, and the first samples come at once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.worker.probes.pacing import Pacer, StepClock


def simulate(pacer: Pacer, steps: int, step_s: float, cost_s: float) -> list[int]:
    """A run on a clock of our own: every step and every sample lasts exactly what is given."""
    clock, now_s, own_s, done = StepClock(0.0), 0.0, 0.0, []
    for step in range(1, steps + 1):
        clock.tick(now_s, own_s)
        own_s = 0.0
        if step >= pacer.due and pacer.allows(step, clock.step_s):
            done.append(step)
            now_s += cost_s
            own_s = cost_s
            pacer.spent(step, cost_s, clock.step_s, now_s)
        now_s += step_s
    return done


@given(
    st.floats(1e-4, 1.0),
    st.floats(1e-5, 2.0),
    st.sampled_from([0.002, 0.01, 0.1]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_spent_stays_within_the_share(step_s, cost_s, share):
    steps = 3000
    done = simulate(Pacer(share, credit_s=0.015, gap_s=0.25), steps, step_s, cost_s)
    assert done[0] == 1
    paid_s = (len(done) - 2) * cost_s  # the first is free, one more may be owed
    assert paid_s <= share * steps * step_s * 1.01 + 0.015


def test_cheap_work_fills_the_panes_early_and_then_keeps_its_distance():
    done = simulate(Pacer(0.01, credit_s=0.015, gap_s=0.25), 20_000, 0.01, 0.00001)
    assert len([step for step in done if step <= 100]) >= 10
    late = [b - a for a, b in pairwise(done) if a > 5000]
    assert min(late) >= 25


def test_every_steps_fixes_the_spacing_to_its_multiples():
    assert simulate(Pacer(0.01, 0.0, 0.25, every_steps=50), 160, 0.01, 5.0) == [1, 50, 100, 150]


def test_a_pause_does_not_count_as_training_time():
    clock, now_s = StepClock(0.0), 0.0
    for step in range(200):
        clock.tick(now_s, 0.0)
        now_s += 3600.0 if step == 150 else 0.01
    assert clock.step_s < 0.015


def test_the_clock_leaves_out_the_diagnostics_own_time():
    clock, now_s = StepClock(0.0), 0.0
    for _ in range(100):
        clock.tick(now_s, 0.5)
        now_s += 0.51
    assert abs(clock.step_s - 0.01) < 1e-9


def test_device_time_that_shows_late_is_paid_for():
    plain, charged = Pacer(0.01, 0.0, 0.0), Pacer(0.01, 0.0, 0.0)
    for pacer in (plain, charged):
        for step in (1, 2):
            pacer.spent(step, 0.001, 0.01, 1.0)
    charged.settle(0.01)
    due = charged.due
    assert plain.allows(due, 0.01)
    assert not charged.allows(due, 0.01)
    assert charged.due > due


def test_one_sample_that_was_interrupted_does_not_keep_the_next_away():
    pacer = Pacer(0.01, credit_s=0.015, gap_s=0.0)
    for step, cost_s in [(1, 0.002), (2, 1.0)]:
        pacer.spent(step, cost_s, 0.01, 1.0)
    assert pacer.due - 2 <= 100
