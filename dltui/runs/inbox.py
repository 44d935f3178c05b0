"""The inbox: commands for a worker, each in one file, taken once.

```
inbox/<time in ns>-<id>.json     sent: written under a hidden name, renamed into place
inbox/taken/                     the worker has it; removed when it is acknowledged in the events
inbox/refused/                   not a command; kept for a look
```
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dltui.errors import StoreError
from dltui.runs.append import FULL
from dltui.runs.atomic import write_atomic
from dltui.runs.clean import clean_json, printable
from dltui.runs.events import EventLog
from dltui.runs.layout import check_private

CommandKind = Literal["pause", "resume", "stop", "checkpoint", "set", "evaluate"]
COMMAND_KINDS: tuple[CommandKind, ...] = get_args(CommandKind)
_MAX_COMMAND_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of a person. `args` of `set`: {"lr": 3e-4}. `by` is the sender's user name."""

    id: str
    kind: CommandKind
    args: Mapping[str, Any]
    time: float
    by: str


class Inbox:
    """Both ends of a run's inbox: `send` for people, `take` and `acknowledge` for the worker."""

    def __init__(self, folder: Path, events: EventLog | None = None):
        """`folder` is the run's `inbox/`. The worker passes its event log."""
        self.folder = folder
        self._events = events
        self._told: str | None = None

    def send(self, kind: CommandKind, args: Mapping[str, Any] | None = None) -> str:
        """Puts a command in; returns its id, which the acknowledging event will carry.

        Raises StoreError if the inbox cannot be written.
        """
        now = time.time_ns()
        name = f"{now:020d}-{secrets.token_hex(4)}"
        command = {"id": name, "kind": kind, "args": dict(args or {}), "time": now / 1e9}
        try:
            write_atomic(self.folder / f"{name}.json", json.dumps(command | {"by": user_name()}))
        except OSError as error:
            raise StoreError(
                f"cannot send the command: {error.strerror}",
                where=str(self.folder),
                remedy="free some space; SIGTERM to the worker and dltui kill need none"
                if error.errno in FULL
                else None,
            ) from error
        return name

    def take(self) -> list[Command]:
        """All commands that wait, oldest first; each is given out once, ever.

        What is not a command is moved to `refused/` and noted in the events.
        """
        commands = []
        names = self.waiting()
        if names and not self._is_trusted():
            return []
        for name in names:
            taken = self.folder / "taken" / name
            try:
                taken.parent.mkdir(mode=0o700, exist_ok=True)
                os.rename(self.folder / name, taken)
            except FileNotFoundError:
                continue  # withdrawn, or taken by another
            command = _read_command(taken)
            if isinstance(command, Command):
                commands.append(command)
            else:
                self._refuse(taken, command)
        return commands

    def waiting(self) -> list[str]:
        """File names of commands not taken yet, oldest first."""
        try:
            names = [entry.name for entry in os.scandir(self.folder)]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if name.endswith(".json") and name[0] != ".")

    def acknowledge(
        self, command: Command, *, ok: bool, detail: str, step: int | None = None
    ) -> None:
        """Says in the events what became of a taken command, at the step it took effect."""
        if self._events is not None:
            self._events.append(
                "command",
                f"{command.kind}: {detail}" if detail else command.kind,
                step=step,
                level="info" if ok else "warning",
                data={"id": command.id, "kind": command.kind, "ok": ok, "detail": detail},
            )
        (self.folder / "taken" / f"{command.id}.json").unlink(missing_ok=True)

    def discard(self, reason: str) -> int:
        """Refuses what an earlier worker took or left; returns how many commands that were.

        For the start of a resumed worker: a `stop` meant for the last one must not stop this.
        """
        for name in self._left_in_taken():
            os.rename(self.folder / "taken" / name, self.folder / name)
        commands = self.take()
        for command in commands:
            self.acknowledge(command, ok=False, detail=reason)
        return len(commands)

    def _is_trusted(self) -> bool:
        """Whether nobody else can have written the commands; said in the events where one could."""
        try:
            check_private(self.folder)
        except StoreError as error:
            if self._told != error.message and self._events is not None:
                text = f"commands are not carried out: inbox: {error.message}"
                self._events.append("alarm", text, level="error")
            self._told = error.message
            return False
        self._told = None
        return True

    def _left_in_taken(self) -> list[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self.folder / "taken"))
        except FileNotFoundError:
            return []

    def _refuse(self, taken: Path, why: str) -> None:
        refused = self.folder / "refused"
        refused.mkdir(mode=0o700, exist_ok=True)
        os.replace(taken, refused / taken.name)
        if self._events is not None:
            self._events.append(
                "command",
                f"refused inbox/{printable(taken.name)}: {why}",
                level="warning",
                data={"id": printable(taken.stem), "ok": False, "detail": why},
            )


def _read_command(path: Path) -> Command | str:
    """The command in a file, or why it is none. The file's name is its id."""
    try:
        if path.is_symlink() or not path.is_file():
            return "not a file"
        if path.stat().st_uid != os.geteuid():
            return "another user's file"
        if path.stat().st_size > _MAX_COMMAND_BYTES:
            return "too long for a command"
        plain = json.loads(path.read_bytes())
        if not isinstance(plain, dict) or plain.get("kind") not in COMMAND_KINDS:
            return f"no such command, there are {', '.join(COMMAND_KINDS)}"
        args = plain.get("args", {})
        if not isinstance(args, dict):
            return "args is not a map"
        return Command(
            path.stem,
            plain["kind"],
            clean_json(args),
            float(plain.get("time", 0.0)),
            printable(str(plain.get("by", ""))),
        )
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return printable(str(error))


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in many containers
        return str(os.getuid())
