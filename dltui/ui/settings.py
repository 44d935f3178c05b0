"""What the screens remember between starts: theme, layout, filters. One small JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dltui.paths import config_folder


class Settings:
    """A persistent map. A broken or read-only file costs the memory, never the program."""

    def __init__(self, file: Path | None = None):
        self.file = file or config_folder() / "settings.json"
        self.problem: str | None = None
        self._values: dict[str, Any] = self._read()

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Remember `value`; the file is replaced atomically."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._values, indent=2), encoding="utf-8")
            temporary.replace(self.file)
        except OSError as error:
            self.problem = f"settings are not remembered: {error}"

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self.problem = f"settings could not be read: {error}"
            return {}
        return values if isinstance(values, dict) else {}
