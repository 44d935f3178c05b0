"""The rules that names, types and metadata alone decide, in the order of their findings."""

from __future__ import annotations

from dltui.inspect.findings.rules import Rule
from dltui.inspect.findings.rules.code import named_code
from dltui.inspect.findings.rules.nonfinite import metadata_not_finite
from dltui.inspect.findings.rules.optimizer import no_optimizer_state
from dltui.inspect.findings.rules.precision import precision_mix
from dltui.inspect.findings.rules.sharing import no_values, tied

STRUCTURAL_RULES: tuple[Rule, ...] = (
    named_code,
    metadata_not_finite,
    no_values,
    precision_mix,
    tied,
    no_optimizer_state,
)
