"""What can go wrong, as one small tree.

```
DltuiError                 says what happened, where, and what to do next
├── UsageError             the command line asks for something impossible        exit 2
├── RecipeError            one or more problems in a recipe, each with its place exit 2
├── DataError              a data set is missing, broken or does not fit         exit 2
├── DeviceError            the device asked for is not there                     exit 2
├── PluginError            a plugin file fails, at the plugin's own line         exit 2
├── CheckpointError        a file is no checkpoint, damaged, or made to do harm   exit 2
├── StoreError             a run folder cannot be made, read or trusted          exit 2
├── RunNotFoundError       no run, or more than one, goes by that name           exit 2
└── TrainingError          the run started and then failed                       exit 1
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dltui.records import record


class DltuiError(Exception):
    """Base of all errors that dltui raises on purpose.

    `message` is one sentence, `where` a place a person can go to (file:line:column, run, layer),
    `remedy` the next step.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None):
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  {self.remedy}" if self.remedy else text


class UsageError(DltuiError):
    """The command line asks for something impossible."""


class DataError(DltuiError):
    """A data set is missing, broken, or does not fit the task."""

    key: tuple[str | int, ...] | None = None
    """The key of the recipe that it is about, where that is known."""


class DeviceError(DltuiError):
    """The device asked for is not on this machine."""


class PluginError(DltuiError):
    """A plugin file fails or is not trusted; `where` is the plugin's own line."""


class CheckpointError(DltuiError):
    """A file is no checkpoint, is damaged, or was made to do harm."""


class StoreError(DltuiError):
    """A run folder cannot be made, read or trusted."""


class RunNotFoundError(DltuiError):
    """No run, or more than one, goes by the name given."""


class TrainingError(DltuiError):
    """The run started and then failed."""

    exit_code = 1


@record
class Problem:
    """One problem of a recipe. `line` and `column` count from 1; `path` is the dotted key.

    `typed` is what stands before the message where there is no file to go to: the override or the
    name of the recipe, as the user typed it.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    typed: str = ""

    def __str__(self) -> str:
        place = self.typed or f"{self.file}:{self.line}:{self.column}"
        # An override begins with its key.
        key = f" {self.path}:" if self.path and f'"{self.path}=' not in self.typed else ""
        return f"{place}:{key} {self.message}"

    def as_json(self) -> dict[str, str | int]:
        """The object that `dltui validate --json` lists under `errors`."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "typed": self.typed,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Problem:
        """Reads what `as_json` wrote, whatever else stands beside it. Raises KeyError."""
        keys = ("file", "line", "column", "path", "message")
        return cls(**{key: plain[key] for key in keys}, typed=str(plain.get("typed", "")))


class RecipeError(DltuiError):
    """All problems of a recipe at once, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
