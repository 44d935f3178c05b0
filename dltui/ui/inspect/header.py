"""The line at the top: which file, how large, what is in it, what it seems to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from dltui.inspect.text import size_text
from dltui.inspect.visible import visible
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.wording import count_text, file_title
from dltui.ui.panes.lines import Line, Span, fit

if TYPE_CHECKING:
    from dltui.ui.inspect.study import Study


def header_line(file: OpenedFile, study: Study | None, width: int) -> Line:
    """The line in at most `width` cells: what tells least is left out first."""
    checkpoint = file.checkpoint
    name = visible(file_title(file.path))
    size = size_text(checkpoint.size_bytes)
    if study is not None:
        architecture, contents = visible(study.architecture, 60), visible(study.contents, 120)
        count = study.parameters
    else:
        architecture, contents = "", f"{len(checkpoint.tensors):,} tensors"
        count = file.root.parameters
    parameters = f"{count:,} parameters" if count else ""
    spans: list[Span] = [(" inspect  ", "dim"), (fit(name, min(cell_len(name), 40)), "strong")]
    room = width - sum(cell_len(text) for text, _ in spans) - 1
    kept: list[str] = []
    if cell_len(architecture) + cell_len(parameters) + 6 > room and parameters:
        parameters = f"{count_text(count, 5)} parameters"
    for fact in (architecture, parameters, size, checkpoint.format, contents):
        if fact and sum(cell_len(each) + 3 for each in (*kept, fact)) <= room:
            kept.append(fact)
    if architecture in kept:
        spans.append((f"  {architecture}", "accent"))
    shown = [fact for fact in (size, checkpoint.format, contents, parameters) if fact in kept]
    spans.append(("  " + " · ".join(shown), "dim"))
    return tuple(spans)
