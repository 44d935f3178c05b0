"""The rules in the order in which their findings are listed. A new rule is added here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dltui.doctor.finding import Finding
from dltui.doctor.record import Record
from dltui.doctor.rules.classes import class_imbalance, class_never_predicted
from dltui.doctor.rules.generalisation import overfitting
from dltui.doctor.rules.gradients import exploding_gradients, no_gradient, vanishing_gradients
from dltui.doctor.rules.learning_rate import learning_rate_too_high, learning_rate_too_low
from dltui.doctor.rules.loss import at_chance, diverging, not_learning, plateau
from dltui.doctor.rules.nonfinite import nonfinite
from dltui.doctor.rules.speed import diagnostics_over_budget, loader_bound
from dltui.doctor.rules.units import dead_units, saturated_units

Rule = Callable[[Record], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    nonfinite,
    diverging,
    exploding_gradients,
    vanishing_gradients,
    no_gradient,
    dead_units,
    saturated_units,
    learning_rate_too_high,
    learning_rate_too_low,
    at_chance,
    not_learning,
    plateau,
    overfitting,
    class_never_predicted,
    class_imbalance,
    loader_bound,
    diagnostics_over_budget,
)
