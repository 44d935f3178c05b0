"""A process that checks a recipe and, where nothing is wrong, becomes the worker of its run.

Importing torch takes longer than everything else before the first step, so the check and the
training share one process. Until the check has passed nothing is made in the runs folder.
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from dltui.errors import DltuiError
from dltui.launch.command import candidate_command, worker_environment
from dltui.launch.description import LIMIT_S, answer
from dltui.launch.session import outliving
from dltui.launch.spawn import identity_of, note_warning
from dltui.runs.layout import RunFolder
from dltui.runs.living import write_launch


class Candidate:
    """Started with the recipe's source; `found` waits for the check, `become` starts training."""

    def __init__(self, source: str, overrides: list[str], runs: Path):
        """Raises DltuiError if the process cannot be started."""
        command = candidate_command(source, overrides)
        self._command, self._warning = outliving(command, f"dltui-{uuid.uuid4().hex[:12]}")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=worker_environment(runs),
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise DltuiError(f"cannot start the worker: {error.strerror or error}") from error

    def found(self, name: str) -> dict[str, Any]:
        """What `describe` gives, for the recipe called `name`.

        Raises DltuiError if the process fails or takes too long.
        """
        line = self._read_line()
        if line.endswith(b"\n"):
            return answer(line, "", 0, name)
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")
        return answer(line, said, code, name)

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        deadline = time.monotonic() + LIMIT_S
        read = b""
        while not read.endswith(b"\n"):
            if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
                raise DltuiError(f"the check of the recipe takes longer than {LIMIT_S:.0f} s")
            chunk = os.read(pipe, 65536)
            if not chunk:
                break
            read += chunk
        return read

    def become(self, run: RunFolder) -> bool:
        """Makes the process the worker of `run`; False where it is not there any more."""
        assert self._process.stdin is not None
        if self._process.poll() is not None:
            return False
        note_warning(run, self._warning)
        write_launch(run.path, identity_of(self._process), self._command)
        try:
            self._process.stdin.write(os.fsencode(run.path.absolute()) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        threading.Thread(
            target=self._process.wait, name=f"reap-{self._process.pid}", daemon=True
        ).start()
        self._close()
        return True

    def dismiss(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was not read any more
