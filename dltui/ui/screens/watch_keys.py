"""The keys of the watch screen, in the order of its footer."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from dltui.ui.screens.watch_layout import PLACES

RUN_KEYS: list[BindingType] = [
    Binding(
        "space",
        "pause_or_go",
        "Pause",
        tooltip="Pause the training or let it go on",
        id="run-pause",
    ),
    Binding(
        "l",
        "change_rate",
        "Rate",
        tooltip="Change the learning rate",
        id="run-learning-rate",
    ),
    Binding(
        "c",
        "save_checkpoint",
        "Checkpoint",
        tooltip="Save a checkpoint now",
        id="run-checkpoint",
    ),
    Binding(
        "s", "stop_run", "Stop", tooltip="Save a checkpoint and end the training", id="run-stop"
    ),
    Binding(
        "K",
        "kill_run",
        "Kill",
        show=False,
        tooltip="End the worker at once, unsaved",
        id="run-kill",
    ),
    Binding(
        "r",
        "restart_run",
        "Resume",
        show=False,
        tooltip="Start a stopped, failed or dead run again",
        id="run-resume",
    ),
    Binding("d,q", "detach", "Detach", tooltip="Leave; the training goes on", id="run-detach"),
    Binding(
        "z",
        "toggle_zoom",
        "Zoom",
        tooltip="This pane on the whole screen, and back",
        id="pane-zoom",
    ),
    Binding("escape", "leave_zoom", "Back", show=False, id="pane-unzoom"),
    Binding(
        "x",
        "next_axis",
        "X axis",
        show=False,
        tooltip="Curves by step, epoch, time or samples",
        id="charts-axis",
    ),
    Binding(
        "y",
        "toggle_log",
        "Log y",
        show=False,
        tooltip="Logarithmic y in all charts",
        id="charts-log",
    ),
    Binding(
        "left_square_bracket", "smooth(-1)", "Smooth less", show=False, id="charts-smooth-less"
    ),
    Binding(
        "right_square_bracket", "smooth(1)", "Smooth more", show=False, id="charts-smooth-more"
    ),
    Binding(
        "R",
        "overlay_run",
        "Overlay",
        show=False,
        tooltip="Draw another run's curves too",
        id="run-overlay",
    ),
    Binding(
        "f",
        "follow_newest",
        "Follow newest",
        show=False,
        tooltip="Switch to the newest run whenever one starts",
        id="run-follow",
    ),
    Binding(
        "e",
        "export_run",
        "Export",
        show=False,
        tooltip="Write all metrics to a CSV file",
        id="run-export",
    ),
    Binding(
        "i",
        "inspect_checkpoint",
        "Inspect",
        show=False,
        tooltip="Look into the newest checkpoint",
        id="run-inspect",
    ),
    Binding(
        "question_mark",
        "explain_pane",
        "Explain",
        key_display="?",
        tooltip="What this pane shows and how to read it",
        id="pane-explain",
    ),
    *(
        Binding(
            str(number),
            f"go_to('{place.pane}')",
            f"Go to {place.tab}",
            show=False,
            id=f"pane-{place.pane}",
        )
        for number, place in enumerate(PLACES, 1)
    ),
]
