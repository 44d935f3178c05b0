"""What one screen remembers between starts, under its own name in the settings."""

from __future__ import annotations

from typing import Any, TypeVar

from textual.app import App

from dltui.ui.settings import Settings

T = TypeVar("T", str, bool, float)


class Memory:
    """Values of the screen `name`; they last as long as this object where there are no settings."""

    def __init__(self, app: App[Any], name: str) -> None:
        settings = getattr(app, "settings", None)
        self._settings = settings if isinstance(settings, Settings) else None
        self._name = name
        kept = self._settings.get(name) if self._settings is not None else None
        self._values: dict[str, Any] = dict(kept) if isinstance(kept, dict) else {}

    def get(self, key: str, default: T) -> T:
        """What was kept; `default` where nothing of its type was."""
        value = self._values.get(key)
        return value if type(value) is type(default) else default

    def set(self, key: str, value: str | bool | float) -> None:
        """Keeps `value`."""
        if self._values.get(key) != value:
            self._values = {**self._values, key: value}
            if self._settings is not None:
                self._settings.set(self._name, self._values)
