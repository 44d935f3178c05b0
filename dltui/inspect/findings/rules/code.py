"""Code that the file names, which a loader would import and call."""

from __future__ import annotations

from collections.abc import Iterator

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding, counted, listed
from dltui.inspect.pickled_code import kind_of


def named_code(evidence: Evidence) -> Iterator[Finding]:
    """Names beside those that rebuild tensors: harmful ones, and those of other packages."""
    names = evidence.checkpoint.globals
    harmful = [name for name in names if kind_of(name) == "harmful"]
    foreign = [name for name in names if kind_of(name) == "foreign"]
    if harmful:
        yield Finding(
            "harmful_code",
            "error",
            "",
            f"{listed(harmful)}: code that can do harm, and that torch.load(weights_only=False) "
            f"would call. Nothing of it was run here",
            {"names": float(len(harmful))},
        )
    if foreign:
        yield Finding(
            "foreign_code",
            "note",
            "",
            f"{counted(len(foreign), 'name')} of other packages, which a loader has to import: "
            f"{listed(foreign)}",
            {"names": float(len(foreign))},
        )
