"""What is looked at as something to paste: a command, Python, or text."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from dltui.inspect.contents import Tensor
from dltui.inspect.visible import visible
from dltui.ui.screens.dialogs import Dialog


def command_text(path: Path, tensor: Tensor | None, options: str) -> str:
    """The command that shows the same: `dltui inspect FILE --tensor NAME --view stats`."""
    words = ["dltui", "inspect", shlex.quote(str(path))]
    if tensor is not None:
        words += ["--tensor", shlex.quote(tensor.name)]
    return " ".join([*words, options]).strip()


def python_text(path: Path, tensor: Tensor | None, part: str = "") -> str:
    """Python that reads the same as a numpy array, whatever the format."""
    lines = [
        "from pathlib import Path",
        "",
        "from dltui.inspect import open_checkpoint",
        "from dltui.inspect.values import Values",
        "",
        f"checkpoint = open_checkpoint(Path({str(path)!r}))",
    ]
    if tensor is None:
        lines += [
            "for tensor in checkpoint.tensors:",
            "    print(tensor.name, tensor.dtype, tensor.shape)",
        ]
    else:
        lines += [
            f"tensor = next(t for t in checkpoint.tensors if t.name == {tensor.name!r})",
            "with Values(checkpoint) as values:",
            f"    array = values.whole(tensor){f'[{part}]' if part else ''}",
        ]
    return "\n".join(lines) + "\n"


class CopyMenu(Dialog[str | None]):
    """Which form is copied; `choices` are (key, name, text)."""

    DEFAULT_CSS = """
    CopyMenu .choice { height: auto; max-height: 9; margin-bottom: 1; }
    """
    BINDINGS = [Binding("escape,q", "cancel", "Cancel", id="copy-cancel")]

    def __init__(self, choices: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.choices = tuple(choices)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "copy"
            for key, name, text in self.choices:
                shown = "\n".join(visible(line, 200) for line in text.splitlines()[:6])
                yield Static(f"{key} {name}", markup=False)
                yield Static(shown, classes="choice hint", markup=False)
            yield Static(
                " · ".join(f"{key} {name}" for key, name, _ in self.choices) + " · esc cancel",
                classes="hint",
                markup=False,
            )

    def on_key(self, event: object) -> None:
        pressed = getattr(event, "key", "")
        for key, _, text in self.choices:
            if pressed == key and self.is_current:
                self.dismiss(text)

    def action_cancel(self) -> None:
        if self.is_current:
            self.dismiss(None)
