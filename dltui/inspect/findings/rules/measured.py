"""The rules that look at statistics, and at values where the statistics call for it, in order."""

from __future__ import annotations

from dltui.inspect.findings.rules import Rule
from dltui.inspect.findings.rules.channels import dead_channels
from dltui.inspect.findings.rules.constants import all_zero, constant
from dltui.inspect.findings.rules.nonfinite import nonfinite
from dltui.inspect.findings.rules.norms import batch_norm_variance
from dltui.inspect.findings.rules.optimizer import (
    average_equals_model,
    never_updated,
    step_counts,
    zero_second_moments,
)
from dltui.inspect.findings.rules.precision import saturated, subnormal
from dltui.inspect.findings.rules.scales import exploding_scale
from dltui.inspect.findings.rules.sharing import duplicates

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
