"""`dltui doctor RUN`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dltui.doctor import Finding

SIGNS = {"error": ("✗", "red"), "warning": ("▲", "yellow"), "info": ("●", "blue")}
ASCII_SIGNS = {"error": "x", "warning": "!", "info": "i"}


def doctor(runs: Path, run: str, *, as_json: bool) -> int:
    """Prints the findings of a run, the most severe first; 0 whatever they are.

    Raises RunNotFoundError or StoreError where the run cannot be read.
    """
    from dltui.doctor import diagnose
    from dltui.runs import RunReader, find_run

    reader = RunReader(find_run(runs, run))
    reader.poll()
    findings = diagnose(reader)
    if as_json:
        print(json.dumps([_finite(finding.as_json()) for finding in findings], indent=2))
        return 0
    from rich.console import Console

    console = Console(highlight=False)
    if not findings:
        console.print(
            f"{reader.folder.name}: nothing wrong found up to step {reader.status.step:,}."
        )
    for finding in findings:
        console.print(_block(finding, ascii_only=not console.encoding.startswith("utf")))
    for name, problem in reader.problems.items():
        Console(stderr=True).print(f"{name} was left out: {problem}", markup=False)
    return 0


def _block(finding: Finding, *, ascii_only: bool) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    sign, colour = SIGNS[finding.severity]
    if ascii_only:
        sign = ASCII_SIGNS[finding.severity]
    place = f" · {finding.layer}" if finding.layer else ""
    place += f" · step {finding.step:,}" if finding.step is not None else ""
    if ascii_only:
        place = place.replace("·", "-")
    text = Text.assemble(
        (f"{sign} {finding.severity}", f"bold {colour}"),
        (f" {finding.rule.replace('_', ' ')}", "bold"),
        (place, "dim"),
        f"\n  {finding.message}\n",
    )
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in finding.evidence.items())
    if numbers:
        text.append(f"  evidence: {numbers}\n", "dim")
    text.append(f"  {finding.remedy[0].upper()}{finding.remedy[1:]}.")
    return Padding(text, (0, 0, 1, 0))


def _finite(plain: dict[str, object]) -> dict[str, object]:
    """JSON has no NaN and no infinity."""
    from math import isfinite

    evidence = plain["evidence"]
    assert isinstance(evidence, dict)
    plain["evidence"] = {key: value if isfinite(value) else None for key, value in evidence.items()}
    return plain
