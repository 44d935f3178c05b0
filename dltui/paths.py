"""Where things live on disk: shipped recipes, runs, caches, the user's settings."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_recipes() -> Path:
    """The folder of the recipes that come with dltui, in a wheel or in a checkout."""
    inside_wheel = _PACKAGE / "_recipes"
    return inside_wheel if inside_wheel.is_dir() else _PACKAGE.parent / "recipes"


def runs_folder() -> Path:
    """`DLTUI_RUNS`, else `./runs`."""
    return Path(os.environ.get("DLTUI_RUNS") or "runs")


def data_cache() -> Path:
    """Downloaded data sets: `DLTUI_DATA`, else the user's cache folder."""
    chosen = os.environ.get("DLTUI_DATA")
    return Path(chosen) if chosen else _xdg("XDG_CACHE_HOME", ".cache") / "data"


def cache_folder() -> Path:
    """What can be deleted and made again: shape tables, the catalogue of runs."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def config_folder() -> Path:
    """The user's settings: theme, layout, trusted plugins."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / fallback) / "dltui"
