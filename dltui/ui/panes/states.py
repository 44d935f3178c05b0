"""How the state of a run is written: a glyph, always with its word, and a tone."""

from __future__ import annotations

from dltui.charts.glyphs import terminal_glyphs

STATE_TONES = {
    "queued": "dim",
    "starting": "accent",
    "running": "accent",
    "paused": "warning",
    "stopping": "warning",
    "stopped": "warning",
    "finished": "good",
    "failed": "bad",
    "died": "bad",
}
_GLYPHS = {
    "queued": "○o",
    "starting": "◌o",
    "running": "●*",
    "paused": "‖=",
    "stopping": "◐-",
    "stopped": "■#",
    "finished": "✓+",
    "failed": "✗x",
    "died": "†!",
}
_SIGNS = {"info": "·.", "warning": "▲!", "error": "✗x"}
LEVEL_TONES = {"info": "", "warning": "warning", "error": "bad"}


def state_glyph(state: str) -> str:
    """One cell; plain ASCII where the terminal has no Unicode."""
    return _GLYPHS.get(state, "??")[_set()]


def level_sign(level: str) -> str:
    """One cell for info, warning and error."""
    return _SIGNS.get(level, "??")[_set()]


def _set() -> int:
    return 0 if terminal_glyphs().braille else 1
