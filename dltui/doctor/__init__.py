"""Findings about a run: what is wrong, by which evidence, and what to try.

A rule is a pure function from a Record to findings, listed in `dltui.doctor.rules`.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from dltui.doctor.evidence import Evidence
from dltui.doctor.finding import ORDER, Finding, Severity
from dltui.doctor.record import Record
from dltui.doctor.rules import RULES
from dltui.runs.reader import RunReader

__all__ = ["Finding", "Record", "Severity", "diagnose", "examine"]

_evidence: WeakKeyDictionary[RunReader, Evidence] = WeakKeyDictionary()


def diagnose(reader: RunReader) -> list[Finding]:
    """Findings about the run as `reader` last polled it, the most severe first.

    Cheap to call again and again with the same reader: only new frames are read.
    """
    evidence = _evidence.get(reader)
    if evidence is None:
        evidence = _evidence[reader] = Evidence()
    return examine(evidence.record(reader))


def examine(record: Record) -> list[Finding]:
    """All rules over one record."""
    findings = [finding for rule in RULES for finding in rule(record)]
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))
