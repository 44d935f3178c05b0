"""How a worker begins and how it ends, whatever happens in between."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dltui.errors import DltuiError, PluginError, StoreError
from dltui.recipe import load_recipe
from dltui.runs import Inbox, RunFolder, WorkerLock, open_run, process_identity, read_status
from dltui.runs.sweep import sweep_run
from dltui.worker.control import StopTraining
from dltui.worker.mismatch import pair_that_does_not_fit
from dltui.worker.record import RunRecord

_LOG_LINES = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the run in a folder; the exit code is the process's.

    0 finished or stopped by a command, 1 failed, 2 the recipe, data or device does not fit,
    128 + n ended by signal n.
    """
    parser = argparse.ArgumentParser("python -m dltui.worker", description="Trains one run.")
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--debug", action="store_true", help="show tracebacks of dltui's errors")
    options = parser.parse_args(arguments)
    try:
        folder = open_run(options.run_folder.absolute())
        if int(os.environ.get("RANK", "0")) > 0:
            from dltui.worker.follower import follow_leader  # imports torch

            return follow_leader(folder)
        with WorkerLock(folder.lock_path):
            return work(folder, resume=options.resume, debug=options.debug)
    except DltuiError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def work(folder: RunFolder, *, resume: bool, debug: bool = False) -> int:
    """One attempt; the status says how it ended."""
    before = read_status(folder.path)
    now = time.time()
    starting = replace(
        before,
        state="starting",
        process=process_identity(),
        started=before.started or now,
        heartbeat=now,
        attempt=before.attempt + 1,
        message="",
    )
    record = RunRecord(folder, starting)
    record.state("starting")
    try:
        return _train(folder, record, resume=resume)
    except Exception as error:  # noqa: BLE001  whatever it is, the status has to say it
        return _failed(record, error, debug=debug)
    finally:
        record.close()


def _train(folder: RunFolder, record: RunRecord, *, resume: bool) -> int:
    if "torch" not in sys.modules:
        record.update(message="importing torch")
    from dltui.graph.plugins import plugin_failure, raised_in_plugin
    from dltui.worker.session import Session  # imports torch, which takes seconds

    Inbox(folder.inbox, record.events).discard("meant for an earlier worker")
    sweep_run(folder)
    recipe = load_recipe(folder.resolved)
    session = Session(folder, record, recipe, resume=resume)
    try:
        session.run()
    except StopTraining as stop:
        training = session.training
        assert training is not None
        record.state("stopping", "saving a checkpoint before the end")
        training.save_checkpoint()
        training.tell("on_end")
        session.control.refuse_rest("the training was stopped")
        record.update(metrics={**record.status.metrics, **training.train_values()})
        record.state("stopped", stop.reason)
        return 0 if stop.signal_number is None else 128 + stop.signal_number
    except Exception as error:
        if isinstance(error, DltuiError) or not raised_in_plugin(error):
            raise
        raise plugin_failure(error, "the plugin failed") from error
    session.control.refuse_rest("the training is over")
    record.state("finished")
    return 0


def _failed(record: RunRecord, error: Exception, *, debug: bool) -> int:
    error = _named(error)
    known = isinstance(error, DltuiError)
    if debug or not known:
        traceback.print_exception(error)
    elif isinstance(error, PluginError) and error.__cause__ is not None:
        # The user's own code: they need to see how it came to its failing line.
        traceback.print_exception(error.__cause__)
    else:
        print(error, file=sys.stderr)
    sys.stderr.flush()
    text = str(error) if known else f"{type(error).__name__}: {error}"
    data = {
        "state": "failed",
        "type": type(error).__name__,
        "where": getattr(error, "where", None) or _place(error),
        "log": _log_tail(record.folder.worker_log),
    }
    record.update(sync=True, state="failed", message=text)
    record.event("state", text, level="error", data=data)
    return error.exit_code if isinstance(error, DltuiError) else 1


def _named(error: Exception) -> Exception:
    """Foreign errors that have a known cause, as errors that say what to do."""
    mismatch = pair_that_does_not_fit(error)
    if mismatch is not None:
        return mismatch
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename if isinstance(error.filename, str) else None
        return StoreError(os.strerror(error.errno), where=where)
    return error


def _place(error: Exception) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def _log_tail(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return []
