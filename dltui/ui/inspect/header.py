"""The line at the top: which file, how large, what is in it, what it seems to be."""

from __future__ import annotations

from rich.cells import cell_len

from dltui.inspect.text import size_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.panes.lines import Line, Span, fit


def header_line(file: OpenedFile, contents: str, architecture: str, width: int) -> Line:
    """The line in at most `width` cells: what tells least is left out first.

    `contents` is what the tensors are, `62 tensors + optimizer (SGD, 122)`.
    """
    checkpoint = file.checkpoint
    name = visible(file.path.name or str(file.path))
    parameters = f"{file.root.parameters:,} parameters"
    facts = [architecture, size_text(checkpoint.size_bytes), checkpoint.format, contents]
    spans: list[Span] = [(" inspect  ", "dim"), (fit(name, min(cell_len(name), 40)), "strong")]
    room = width - sum(cell_len(text) for text, _ in spans) - 1
    kept: list[str] = []
    # In the order of what is worth most; drawn in the order of the list.
    for fact in (architecture, parameters, size_text(checkpoint.size_bytes), contents):
        _keep(fact, kept, room)
    _keep(checkpoint.format, kept, room)
    shown = [fact for fact in (*facts[1:], parameters) if fact in kept]
    if architecture in kept and architecture:
        spans.append((f"  {architecture}", "accent"))
    spans.append(("  " + " · ".join(shown), "dim"))
    return tuple(spans)


def _keep(fact: str, kept: list[str], room: int) -> None:
    if fact and sum(cell_len(each) + 3 for each in (*kept, fact)) <= room:
        kept.append(fact)
