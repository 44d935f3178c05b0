"""What is wrong with a checkpoint, told with its evidence.

A rule is a small pure function from `Evidence` to findings; `rules/structural.py` and
`rules/measured.py` list them all, and a new one is added there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import ORDER, Finding, Severity

if TYPE_CHECKING:
    from dltui.inspect.contents import Checkpoint
    from dltui.inspect.findings.rules import Rule
    from dltui.inspect.statistics import Statistics

__all__ = ["Finding", "Severity", "structural_findings", "value_findings"]


def structural_findings(checkpoint: Checkpoint) -> tuple[Finding, ...]:
    """What names, types, shapes and metadata show; no value is read. Errors first."""
    from dltui.inspect.findings.rules.structural import STRUCTURAL_RULES

    return _found(STRUCTURAL_RULES, Evidence(checkpoint))


def value_findings(
    checkpoint: Checkpoint, statistics: Mapping[str, Statistics]
) -> tuple[Finding, ...]:
    """What the values show, by the statistics of the tensors that have been looked at.

    Some tensors are read again, where their statistics call for a closer look. Errors first. Raises
    CheckpointError if the file changed since.
    """
    # numpy, which the structural findings do without
    from dltui.inspect.findings.rules.measured import VALUE_RULES
    from dltui.inspect.values import Values

    with Values(checkpoint) as values:
        return _found(VALUE_RULES, Evidence(checkpoint, statistics, values))


def _found(rules: Iterable[Rule], evidence: Evidence) -> tuple[Finding, ...]:
    found = [finding for rule in rules for finding in rule(evidence)]
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.severity)))
