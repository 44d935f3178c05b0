"""What a rule has to say about a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]
ORDER: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with its evidence in numbers and what to try.

    `layer` and `step` say where, None for the run as a whole. `remedy` names recipe keys as they
    are typed after `dltui train RECIPE`.
    """

    rule: str
    severity: Severity
    layer: str | None
    step: int | None
    message: str
    remedy: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object that `dltui doctor --json` lists."""
        return asdict(self)
