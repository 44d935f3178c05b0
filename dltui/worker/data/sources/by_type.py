"""The source of a `data:` section: the module here that its `type` names."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from dltui.worker.data.batches import Say
from dltui.worker.data.sources.loaded import Loaded, Outline


class DataSource(Protocol):
    """What the module of a source has. Both functions raise `DataError`."""

    @staticmethod
    def outline(section: Any, task: str) -> Outline:
        """The facts of the data for the task named, as cheaply as they can be had."""

    @staticmethod
    def read(section: Any, task: str, say: Say | None = None) -> Loaded:
        """The examples; `say` gets lines about downloads and skipped files."""


def source_of(section: Any) -> DataSource:
    """The module named as the section's `type`; no other source is imported for it."""
    return cast(DataSource, import_module(f"dltui.worker.data.sources.{section.type}"))
