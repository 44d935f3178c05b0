"""Starts a worker as a process that nothing of this one holds on to."""

from __future__ import annotations

import os
import subprocess
import threading

from dltui.errors import StoreError
from dltui.launch.command import worker_command, worker_environment
from dltui.launch.session import outliving
from dltui.runs.events import EventLog
from dltui.runs.identity import ProcessIdentity, boot_id, host_name, process_identity
from dltui.runs.layout import RunFolder
from dltui.runs.living import write_launch


def spawn_worker(run: RunFolder, *, resume: bool = False) -> ProcessIdentity:
    """Starts the worker of `run` in a new session, its output in worker.log.

    No terminal, no inherited files: it goes on when the terminal hangs up and when this process
    is killed. Raises StoreError if it cannot be started.
    """
    started = worker_command(run.path.absolute(), resume=resume)
    command, warning = outliving(started, f"dltui-{run.id}")
    note_warning(run, warning)
    try:
        log = os.open(run.worker_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=worker_environment(run.path.parent),
                start_new_session=True,
            )
        finally:
            os.close(log)
    except OSError as error:
        raise StoreError(
            f"cannot start the worker: {error.strerror or error}", where=str(run.path)
        ) from error
    # A worker that ends while this process lives would stay a zombie until somebody waits for it.
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    identity = identity_of(process)
    write_launch(run.path, identity, command)
    return identity


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    """Of a process started here, also where it has already ended."""
    found = process_identity(process.pid)
    return found or ProcessIdentity(boot_id(), process.pid, -1.0, host_name())


def note_warning(run: RunFolder, warning: str | None) -> None:
    """What `outliving` warned about, in the log of the run."""
    if warning is not None:
        events = EventLog(run.events)
        events.append("log", warning, level="warning")
        events.close()
