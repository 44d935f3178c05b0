"""The two themes of dltui and the choice between them; Textual's own can be picked too."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="dltui-dark",
    primary="#6cb6ff",
    secondary="#b392f0",
    accent="#f0a35e",
    success="#7bc47f",
    warning="#e3b341",
    error="#f47067",
    foreground="#d5dde8",
    background="#0e131a",
    surface="#121922",
    panel="#1a232f",
    dark=True,
    variables={
        "border": "#34455a",
        "border-blurred": "#253242",
        "footer-key-foreground": "#6cb6ff",
        "footer-background": "#121922",
        "footer-description-foreground": "#93a4b8",
        "block-cursor-text-style": "none",
    },
)

LIGHT = Theme(
    name="dltui-light",
    primary="#0b62c4",
    secondary="#7a46c2",
    accent="#b45309",
    success="#1a7f37",
    warning="#8f6200",
    error="#c4252d",
    foreground="#1f2933",
    background="#fbfcfd",
    surface="#f3f5f8",
    panel="#e6ebf1",
    dark=False,
    variables={
        "border": "#9fb0c3",
        "border-blurred": "#cdd7e1",
        "footer-key-foreground": "#0b62c4",
        "footer-background": "#f3f5f8",
        "footer-description-foreground": "#52616f",
        "block-cursor-text-style": "none",
    },
)


THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT)}


def default_theme() -> str:
    """The theme that fits the terminal, from `COLORFGBG` where the terminal sets it.

    Its last field is the background's colour number: 7 and 15 are the light ones.
    """
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in {"7", "15"} else DARK.name
