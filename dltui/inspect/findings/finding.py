"""What a rule has to say about a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dltui.records import made, record

Severity = Literal["error", "warning", "note"]
ORDER: tuple[Severity, ...] = ("error", "warning", "note")


@record
class Finding:
    """One thing that stands out. `tensor` is the full name of the one it is about, the first where
    it is about several, or empty for the file as a whole."""

    rule: str
    severity: Severity
    tensor: str
    message: str
    evidence: Mapping[str, float] = made(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object that `dltui inspect --json` lists under `findings`."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "tensor": self.tensor,
            "message": self.message,
            "evidence": dict(self.evidence),
        }


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 value`, `3 values`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
