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
    words = ["dltui", "inspect", shell_word(str(path))]
    if tensor is not None:
        words += ["--tensor", shell_word(tensor.name)]
    return " ".join([*words, options]).strip()


def shell_word(text: str) -> str:
    """The text as one word of a command line: what a terminal would obey when it is pasted is
    written out, as bash and zsh read it."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + visible(text.replace("\\", "\\\\").replace("'", "\\'"), len(text) * 3) + "'"


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
    CopyMenu > Vertical { width: 100; }
    CopyMenu .choice { height: auto; margin: 0 0 1 2; }
    """
    BINDINGS = [Binding("escape,q", "cancel", "Cancel", id="copy-cancel")]

    def __init__(self, choices: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.choices = tuple(choices)

    def compose(self) -> ComposeResult:
        # Two rows of frame and two of padding; each choice has its name and an empty row.
        room = self.app.size.height * 9 // 10 - 4 - 2 * len(self.choices)
        with Vertical() as box:
            box.border_title = "copy"
            box.border_subtitle = "esc cancel"
            for key, name, text in self.choices:
                lines = text.splitlines()[:6]
                shown = "\n".join(visible(line, 200) for line in lines)
                yield Static(f"{key} {name}", markup=False)
                choice = Static(shown, classes="choice hint", markup=False)
                choice.styles.max_height = max(1, min(6, room // len(self.choices)))
                yield choice

    def on_key(self, event: object) -> None:
        pressed = getattr(event, "key", "")
        for key, _, text in self.choices:
            if pressed == key and self.is_current:
                self.dismiss(text)

    def action_cancel(self) -> None:
        if self.is_current:
            self.dismiss(None)
