"""What pictures a terminal can show, judged by its environment: nothing is asked over the wire.

A question to the terminal would compete with the app for the answer, and hang over a pipe.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol, cast

from PIL.Image import Image
from textual.widget import Widget

Protocols = Literal["kitty", "sixel", "blocks"]

_KITTY_PROGRAMS = {"ghostty", "kitty"}
_SIXEL_PROGRAMS = {"WezTerm", "iTerm.app", "mlterm", "contour", "rio"}
_SIXEL_TERMS = ("foot", "mlterm", "yaft", "contour")
_FALLBACK_CELL = (10, 20)


class PictureClass(Protocol):
    """A widget class that shows an image in the terminal's own protocol."""

    def __call__(self, image: Image | None = None) -> Widget: ...


@dataclass(frozen=True, slots=True)
class Graphics:
    """How pictures are shown, and in one sentence why."""

    protocol: Protocols
    reason: str


def terminal_graphics(environment: Mapping[str, str] = os.environ) -> Graphics:
    """`DLTUI_GRAPHICS` (`kitty`, `sixel`, `blocks`) if set, else what the names promise."""
    chosen = environment.get("DLTUI_GRAPHICS", "").lower()
    if chosen in {"kitty", "sixel", "blocks"}:
        return Graphics(cast(Protocols, chosen), "DLTUI_GRAPHICS says so")
    if environment.get("TMUX") or environment.get("STY"):
        return Graphics("blocks", "a terminal multiplexer does not pass pictures on")
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in term:
        return Graphics("kitty", "the terminal is kitty or speaks its protocol")
    if program.lower() in _KITTY_PROGRAMS:
        return Graphics("kitty", f"the terminal is {program}")
    if program in _SIXEL_PROGRAMS or term.startswith(_SIXEL_TERMS) or "sixel" in term:
        return Graphics("sixel", f"the terminal is {program or term}")
    return Graphics("blocks", "the terminal is not known to show pictures")


@cache
def picture_class(protocol: Protocols) -> PictureClass | None:
    """The widget class for a protocol; None for `blocks` or where textual-image is missing.

    textual-image asks the terminal for its abilities when it is imported on one, so it is imported
    with the terminal out of its sight; the class is then chosen by name.
    """
    if protocol == "blocks":
        return None
    with _terminal_hidden():
        try:
            terminal = importlib.import_module("textual_image._terminal")
            terminal.get_cell_size._result = terminal.CellSize(*cell_pixels())
            widgets = importlib.import_module("textual_image.widget")
        except ImportError:
            return None
    return cast(PictureClass, widgets.TGPImage if protocol == "kitty" else widgets.SixelImage)


def cell_pixels() -> tuple[int, int]:
    """Width and height of a cell in pixels as the terminal driver says, else 10 × 20."""
    try:
        import fcntl
        import struct
        import termios

        answer = fcntl.ioctl(sys.__stdout__.fileno(), termios.TIOCGWINSZ, b"\0" * 8)  # type: ignore[union-attr]
    except (ImportError, OSError, ValueError, AttributeError):
        return _FALLBACK_CELL
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width and height):
        return _FALLBACK_CELL
    return width // columns, height // rows


@contextmanager
def _terminal_hidden() -> Iterator[None]:
    """While this holds, `sys.__stdout__` is no terminal to whoever looks."""
    shown = sys.__stdout__
    sys.__stdout__ = io.StringIO()  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        sys.__stdout__ = shown  # type: ignore[misc]
