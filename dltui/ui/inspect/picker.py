"""Which checkpoint to look into: those of the runs, the files of this folder, or any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dltui.errors import StoreError
from dltui.inspect.text import size_text
from dltui.inspect.visible import visible
from dltui.runs.checkpoints import checkpoints, pointed, step_of
from dltui.runs.layout import run_folders
from dltui.ui.screens.dialogs import Ask
from dltui.ui.widgets.choices import Choices

SUFFIXES = frozenset(
    {
        *(".pt", ".pth", ".pt2", ".ckpt", ".bin", ".safetensors", ".gguf", ".npz", ".npy"),
        *(".h5", ".hdf5", ".keras", ".onnx"),
    }
)
"""What files of weights are usually called; others are given by name."""
MOST_RUNS = 30
MOST_FILES = 200


class CheckpointPicker(ModalScreen[Path | None]):
    """A list to choose from; `run` is the run whose checkpoints stand first, all of them."""

    DEFAULT_CSS = """
    CheckpointPicker { align: center middle; }
    CheckpointPicker > Choices {
        width: 76; max-width: 96%; height: auto; max-height: 80%;
        border: round $primary; background: $surface;
    }
    """
    BINDINGS = [Binding("escape,q", "cancel", "Cancel", id="checkpoints-cancel")]

    def __init__(self, runs: Path, run: Path | None = None) -> None:
        super().__init__()
        self.choices = [*_choices(runs, run), *_files(Path.cwd())]

    def compose(self) -> ComposeResult:
        options = [Option(Content(label)) for label, _ in self.choices]
        box = Choices(*options, Option(Content("another file or folder …")))
        box.border_title = "checkpoints"
        box.border_subtitle = "enter look into it · esc cancel"
        yield box

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        if event.option_index < len(self.choices):
            self.dismiss(self.choices[event.option_index][1])
            return

        def complaint(text: str) -> str | None:
            if not text:
                return "name a file or a folder"
            return None if Path(text).expanduser().exists() else f"there is no {text}"

        self.app.push_screen(
            Ask("Look into which file or folder?", title="inspect", check=complaint), self._given
        )

    def _given(self, text: str | None) -> None:
        if text is not None:
            self.dismiss(Path(text).expanduser())

    def action_cancel(self) -> None:
        if self.is_current:
            self.dismiss(None)


def _choices(runs: Path, run: Path | None) -> Iterator[tuple[str, Path]]:
    """All checkpoints of `run`, then the best or else the latest of the others, newest first."""
    if run is not None:
        with suppress(StoreError):
            yield from _all_of(run)
    try:
        others = run_folders(runs)[:MOST_RUNS] if runs.is_dir() else []
    except StoreError:
        others = []
    for other in others:
        # A run that cannot be read has nothing to choose.
        with suppress(StoreError):
            if other != run:
                yield from _one_of(other)


def _all_of(run: Path) -> Iterator[tuple[str, Path]]:
    best, latest = (pointed(run / "checkpoints", which) for which in ("best", "latest"))
    for path in reversed(checkpoints(run / "checkpoints")):
        words = [word for word, it in (("best", best), ("latest", latest)) if it == path]
        yield _label(run, path, words), path


def _one_of(run: Path) -> Iterator[tuple[str, Path]]:
    best = pointed(run / "checkpoints", "best")
    shown = best or pointed(run / "checkpoints", "latest")
    if shown is not None:
        yield _label(run, shown, ["best" if best else "latest"]), shown


def _label(run: Path, path: Path, words: list[str]) -> str:
    step = step_of(path)
    at = f"step {step:,}" if step is not None else ""
    said = [visible(run.name[16:] or run.name), at, *words]
    return "run  " + " · ".join(filter(None, said))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of weights in the current folder, by name."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    for path in found[:MOST_FILES]:
        if path.is_file():
            yield f"file {visible(path.name)} · {size_text(path.stat().st_size)}", path
