"""Examples cost a small share of the time, whatever they are made of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import torch

from dltui.worker.artefacts import Artefacts, ExamplePace


class Evaluations:
    """Evaluations that each look at examples twice, at a cost, on a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pace = ExamplePace(lambda: self.now_s)

    def left(self, *costs_s: float, last: bool = False) -> list[float]:
        """The costs of what was left by an evaluation that begins now."""
        unused = cast(Any, SimpleNamespace(step=0))
        out = Artefacts(unused, unused, torch.device("cpu"), self.pace, last=last)
        spent: list[float] = []
        for cost_s in costs_s:
            out.if_time(lambda cost_s=cost_s: (self.wait(cost_s), spent.append(cost_s)))
        return spent

    def wait(self, time_s: float) -> None:
        self.now_s += time_s


def test_an_evaluation_leaves_all_of_its_examples_or_none() -> None:
    evaluations = Evaluations()
    assert evaluations.left(1.0, 3.0) == [1.0, 3.0]
    assert evaluations.left(1.0, 3.0) == []


def test_what_all_of_them_took_decides_when_the_next_are_due() -> None:
    evaluations = Evaluations()
    evaluations.left(1.0, 3.0)
    evaluations.wait(199.0)  # 1 s would be due after 50 s, 3 s after 150 s
    assert evaluations.left(1.0) == []
    evaluations.wait(1.0)
    assert evaluations.left(1.0) == [1.0]


def test_the_last_evaluation_leaves_its_examples_whatever_they_took() -> None:
    evaluations = Evaluations()
    evaluations.left(100.0)
    assert evaluations.left(1.0, 2.0, last=True) == [1.0, 2.0]
