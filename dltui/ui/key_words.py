"""The keys that work on a screen, each in this program's words, for the help and the palette."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.binding import Binding
from textual.screen import Screen

from dltui.records import record

_WORDS = {
    "app.focus_next": ("Next part", "To the next list, field or pane"),
    "app.focus_previous": ("Part before", "To the list, field or pane before"),
    "quit": ("Quit", "Leave; what is training goes on"),
    "command_palette": ("Commands", "Find any command by its name"),
    "toggle_node": ("Open or close", ""),
    "toggle_expand_all": ("Open or close all", ""),
}
"""What keys of the toolkit's own do, by action: its words speak of an app and a cursor."""


@record
class KeyWord:
    """One key: where it is bound, what it does in a word or two, and in a line."""

    node: Any
    key: str
    action: str
    word: str
    line: str


def active_keys(screen: Screen[Any]) -> Iterator[KeyWord]:
    """The keys that do something on `screen` now, each action once for every place."""
    seen: set[tuple[int, str]] = set()
    for node, binding, enabled, tooltip in screen.active_bindings.values():
        # The super key of macOS does not reach a program in a terminal.
        if not enabled or binding.system or "super+" in binding.key:
            continue
        word, line = _words(binding, tooltip)
        if word and (id(node), binding.action) not in seen:
            seen.add((id(node), binding.action))
            key = screen.app.get_key_display(binding)
            yield KeyWord(node, key, binding.action, word, line)


def _words(binding: Binding, tooltip: str) -> tuple[str, str]:
    return _WORDS.get(binding.action, (binding.description, tooltip))
