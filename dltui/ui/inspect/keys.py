"""The keys of the inspect screen, in the order of its key line."""

from __future__ import annotations

from textual.binding import Binding, BindingType

INSPECT_KEYS: list[BindingType] = [
    Binding(
        "slash",
        "open_filter",
        "Find",
        key_display="/",
        tooltip="By name, dtype, shape and size: conv dtype:bf16 >1M shape:64,*",
        id="inspect-find",
    ),
    Binding("escape", "leave_field", "Back", show=False, id="inspect-back"),
    Binding(
        "z",
        "toggle_zoom",
        "Zoom",
        tooltip="The details on the whole screen, and back",
        id="inspect-zoom",
    ),
    Binding(
        "question_mark",
        "show_help",
        "Help",
        key_display="?",
        tooltip="What this view shows, and all keys",
        id="inspect-help",
    ),
    Binding("q", "leave", "Quit", tooltip="Leave the file", id="inspect-leave"),
    *(
        Binding(str(number), f"go_to({number})", f"View {number}", show=False, id=f"view-{number}")
        for number in range(1, 10)
    ),
]
