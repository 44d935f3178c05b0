"""The keys of the inspect screen, in the order of its key line."""

from __future__ import annotations

from textual.binding import Binding, BindingType

ENTER = Binding("enter", "look", "Open", id="inspect-look")
"""The tree's own key, named among those of the screen."""

FIRST_TO_GO = ("inspect-look", "inspect-zoom", "inspect-save", "inspect-copy", "inspect-leave")
"""What the key line leaves out first where it is narrow; the help has them all."""

INSPECT_KEYS: list[BindingType] = [
    Binding(
        "slash",
        "open_filter",
        "Find",
        key_display="/",
        tooltip="By name, dtype, shape and size: conv dtype:bf16 >1M shape:64,*",
        id="inspect-find",
    ),
    Binding("d", "compare", "Diff", tooltip="Compare with another file", id="inspect-diff"),
    Binding(
        "p", "show_problems", "Problems", tooltip="To the findings, and back", id="inspect-problems"
    ),
    Binding("n", "next_problem(1)", "Next problem", show=False, id="inspect-next-problem"),
    Binding("N", "next_problem(-1)", "Problem before", show=False, id="inspect-problem-before"),
    Binding(
        "m",
        "show_metadata",
        "Metadata",
        tooltip="What the file says beside its tensors, and back",
        id="inspect-metadata",
    ),
    Binding(
        "S",
        "check_values",
        "Check values",
        show=False,
        tooltip="Statistics of the whole file; again: stop",
        id="inspect-check",
    ),
    Binding(
        "a",
        "look_at_example",
        "Activations",
        show=False,
        tooltip="Of a run's checkpoint: what the network makes of an example",
        id="inspect-activations",
    ),
    Binding(
        "e", "export", "Export", tooltip="Write the tensor or the list to a file", id="inspect-save"
    ),
    Binding(
        "y", "copy", "Copy", tooltip="This view as a command, as Python, as text", id="inspect-copy"
    ),
    Binding(
        "z",
        "toggle_zoom",
        "Zoom",
        tooltip="The details on the whole screen, and back",
        id="inspect-zoom",
    ),
    Binding(
        "r", "reopen", "Open again", show=False, tooltip="Read the file anew", id="inspect-reopen"
    ),
    Binding("escape", "leave_field", "Back", show=False, id="inspect-back"),
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
