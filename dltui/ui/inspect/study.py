"""What a file seems to be and what is wrong with it, told by names and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dltui.inspect.describe import parameters
from dltui.inspect.findings import Finding, structural_findings
from dltui.inspect.memory_table import MemoryRow, memory_table
from dltui.inspect.parts import Part
from dltui.inspect.progress import progress
from dltui.inspect.recognise import recognise
from dltui.ui.inspect.opening import OpenedFile


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of a file once its names have been looked at."""

    parts: tuple[Part, ...]
    contents: str
    """What its tensors are, in a few words: `62 tensors + optimizer (SGD, 122)`."""
    parameters: int
    """Of the model, without what an optimizer or an average keeps beside it."""
    architecture: str
    """What it seems to be; empty where nothing is known."""
    training: Mapping[str, Any]
    """Epoch, step, best score, learning rate, as the file says."""
    memory: tuple[MemoryRow, ...]
    findings: tuple[Finding, ...]
    """What names, shapes and types alone show."""


def studied(file: OpenedFile) -> Study:
    """Looks at everything but the values: a moment for most files, longer for very large ones."""
    checkpoint = file.checkpoint
    return Study(
        parts=file.parts,
        contents=contents_words(file.parts),
        parameters=parameters(checkpoint),
        architecture=recognise(checkpoint) or "",
        training=progress(checkpoint),
        memory=memory_table(checkpoint),
        findings=structural_findings(checkpoint),
    )


def contents_words(parts: tuple[Part, ...]) -> str:
    """The tensors of the model, then each other part with its title and how many it has."""
    said: list[str] = []
    for part in parts:
        count = f"{len(part.tensors):,}"
        if not said and part.kind == "model":
            said.append(f"{count} tensor{'s' if len(part.tensors) > 1 else ''}")
        else:
            said.append(f"{part.title if part.kind != 'ema' else 'average'} ({count})")
    return " + ".join(said)
