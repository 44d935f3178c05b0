"""Learning rates: the formulas against torch's own schedulers, and what a resume keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from dltui.recipe.schema.training import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    Linear,
    OneCycle,
    Plateau,
    StepSchedule,
    Warmup,
)
from dltui.worker.schedules import LearningRate, Steps, preview, schedule

STEPS = Steps(total=60, per_epoch=10)
LR = 0.1


def rates_of_torch(make: Callable[[Any], Any], count: int = STEPS.total) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def ours(section: Any) -> list[float]:
    rate = schedule(section, LR, STEPS)
    return [rate(step) for step in range(STEPS.total)]


REFERENCES: list[tuple[Any, Callable[[Any], Any]]] = [
    (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    (StepSchedule(type="step", every_steps=7, gamma=0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
    (
        StepSchedule(type="step", every_epochs=2.0, gamma=0.5),
        lambda o: lr_scheduler.StepLR(o, 20, 0.5),
    ),
    (
        StepSchedule(type="step", at_epochs=[1.0, 2.5], gamma=0.1),
        lambda o: lr_scheduler.MultiStepLR(o, [10, 25], 0.1),
    ),
    (
        Exponential(type="exponential", gamma=0.5),
        lambda o: lr_scheduler.ExponentialLR(o, 0.5 ** (1 / 10)),
    ),
    (
        Cosine(type="cosine", min_lr=0.01),
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS.total, eta_min=0.01),
    ),
    (
        Linear(type="linear", min_lr=0.02),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, total_iters=STEPS.total),
    ),
    *[
        (
            Cyclical(type="cyclical", min_lr=0.01, period_steps=12, shape=shape, gamma=0.99),
            lambda o, mode=mode: lr_scheduler.CyclicLR(
                o, 0.01, LR, step_size_up=6, mode=mode, gamma=0.99, cycle_momentum=False
            ),
        )
        for shape, mode in (
            ("triangular", "triangular"),
            ("triangular2", "triangular2"),
            ("exponential", "exp_range"),
        )
    ],
]


@pytest.mark.parametrize(
    ("section", "reference"),
    REFERENCES,
    ids=[f"{section.type}-{number}" for number, (section, _) in enumerate(REFERENCES)],
)
def test_a_schedule_gives_the_rates_of_torchs_scheduler(
    section: Any, reference: Callable[[Any], Any]
) -> None:
    assert ours(section) == pytest.approx(rates_of_torch(reference), rel=1e-9, abs=1e-12)


def test_one_cycle_rises_and_falls_as_torchs_does() -> None:
    section = OneCycle(type="one_cycle", rise=0.3, start_factor=0.04, end_factor=1e-3)

    def reference(optimizer: Any) -> Any:
        return lr_scheduler.OneCycleLR(
            optimizer,
            LR,
            total_steps=STEPS.total,
            pct_start=0.3,
            div_factor=25,
            final_div_factor=40,
            cycle_momentum=False,
        )

    expected = rates_of_torch(reference, STEPS.total - 1)
    assert ours(section)[:-1] == pytest.approx(expected, rel=1e-9)
    assert ours(section)[-1] == pytest.approx(LR * 1e-3)


def test_warm_up_rises_in_a_line_and_the_schedule_begins_after_it() -> None:
    section = Cosine(type="cosine", warmup=Warmup(epochs=1.0, start=0.2))
    rates = ours(section)
    assert rates[:10] == pytest.approx([LR * (0.2 + 0.08 * step) for step in range(1, 11)])
    rest = schedule(Cosine(type="cosine"), LR, Steps(50, 10))
    assert rates[10:] == pytest.approx([rest(step) for step in range(50)])


def test_a_rate_set_by_hand_holds_at_once_and_keeps_the_shape_of_the_schedule() -> None:
    rate = LearningRate(Linear(type="linear"), LR, STEPS)
    before = rate(40)
    rate.set(0.5, 30)
    assert rate(30) == pytest.approx(0.5)
    assert rate(40) == pytest.approx(before * 0.5 / (LR * 0.5))
    again = LearningRate(Linear(type="linear"), LR, STEPS)
    again.load(rate.state())
    assert [again(step) for step in range(60)] == [rate(step) for step in range(60)]


def test_no_step_of_a_warm_up_is_lost_at_a_rate_of_zero() -> None:
    once = schedule(Constant(warmup=Warmup(steps=1)), LR, STEPS)
    assert once(0) == LR
    rates = schedule(Constant(warmup=Warmup(epochs=1.0)), LR, Steps(5, 4))
    assert [rates(step) for step in range(5)] == [LR / 4, LR / 2, LR * 3 / 4, LR, LR]


def test_a_rate_set_during_the_warm_up_holds_at_once_and_rises_on() -> None:
    rate = LearningRate(Constant(warmup=Warmup(steps=10)), LR, STEPS)
    rate.set(0.3, 4)
    assert rate(4) == pytest.approx(0.3)
    assert rate(10) == pytest.approx(0.6)


def test_plateau_reduces_after_patience_and_stops_at_the_minimum() -> None:
    section = Plateau(type="plateau", factor=0.5, patience=1, min_lr=0.03)
    rate = LearningRate(section, LR, STEPS)
    changed = [rate.evaluated({"val/loss": loss}) for loss in (1.0, 1.0, 1.0, 0.5, 0.5, 0.5)]
    assert changed == [False, False, True, False, False, True]
    assert rate(5) == pytest.approx(0.03)
    again = LearningRate(section, LR, STEPS)
    again.load(rate.state())
    assert again(5) == rate(5)
    assert not again.evaluated({"val/loss": 0.4})


@given(
    total=st.integers(1, 5000),
    per_epoch=st.integers(1, 500),
    warmup=st.integers(0, 100),
    section=st.sampled_from([section for section, _ in REFERENCES] + [OneCycle(type="one_cycle")]),
)
def test_every_rate_is_finite_and_never_above_the_peak(
    total: int, per_epoch: int, warmup: int, section: Any
) -> None:
    if warmup:
        section = section.model_copy(update={"warmup": Warmup(steps=warmup)})
    rate = schedule(section, LR, Steps(total, per_epoch))
    for step in (0, total // 3, total - 1):
        assert math.isfinite(rate(step))
        assert 0 <= rate(step) <= LR * (1 + 1e-9)


def test_the_preview_spans_the_training_with_few_points() -> None:
    steps, rates = preview(schedule(Cosine(type="cosine"), LR, Steps(10_000, 100)), 0, 10_000)
    assert steps[0] == 0
    assert steps[-1] == 9_999
    assert len(steps) == len(rates) <= 402
