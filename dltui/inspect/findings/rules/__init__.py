"""The rules in the order in which their findings are listed. A new rule is added here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding
from dltui.inspect.findings.rules.channels import dead_channels
from dltui.inspect.findings.rules.code import named_code
from dltui.inspect.findings.rules.constants import all_zero, constant
from dltui.inspect.findings.rules.nonfinite import metadata_not_finite, nonfinite
from dltui.inspect.findings.rules.norms import batch_norm_variance
from dltui.inspect.findings.rules.optimizer import (
    average_equals_model,
    never_updated,
    no_optimizer_state,
    step_counts,
    zero_second_moments,
)
from dltui.inspect.findings.rules.precision import precision_mix, saturated, subnormal
from dltui.inspect.findings.rules.scales import exploding_scale
from dltui.inspect.findings.rules.sharing import duplicates, no_values, tied

Rule = Callable[[Evidence], Iterable[Finding]]

STRUCTURAL_RULES: tuple[Rule, ...] = (
    named_code,
    metadata_not_finite,
    no_values,
    precision_mix,
    tied,
    no_optimizer_state,
)
"""From names, types and metadata alone."""

VALUE_RULES: tuple[Rule, ...] = (
    nonfinite,
    batch_norm_variance,
    exploding_scale,
    saturated,
    all_zero,
    constant,
    dead_channels,
    never_updated,
    zero_second_moments,
    step_counts,
    average_equals_model,
    subnormal,
    duplicates,
)
"""From statistics, and from values where the statistics call for it."""
