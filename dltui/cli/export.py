"""`dltui export RUN --to csv|json|tensorboard`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dltui.errors import UsageError
from dltui.runs.catalogue import find_run
from dltui.runs.export import to_csv, to_json, whole_file
from dltui.runs.reader import RunReader
from dltui.runs.status import ENDED_STATES

_WRITERS = {"csv": to_csv, "json": to_json}
_FOLLOW_INTERVAL_S = 2.0


def export(runs: Path, run: str, to: str, out: Path | None = None, follow: bool = False) -> int:
    """Writes a run's metrics to `out`, or to stdout; event files into the folder `out`.

    With `follow` event files grow until the run has ended. Raises UsageError for a format that is
    not there, or that cannot be followed.
    """
    if to not in (*_WRITERS, "tensorboard"):
        raise UsageError(
            f"there is no export to {to!r}", remedy="--to csv, --to json or --to tensorboard"
        )
    if follow and to != "tensorboard":
        raise UsageError(f"--follow does not go with --to {to}", remedy="--to tensorboard")
    reader = RunReader(find_run(runs, run))
    reader.poll()
    for name, problem in reader.problems.items():
        print(f"dltui: {name} is left out: {problem}", file=sys.stderr)
    if to == "tensorboard":
        return _to_tensorboard(reader, out or Path("tensorboard"), follow=follow)
    write = _WRITERS[to]
    if out is None:
        write(reader, sys.stdout)
        sys.stdout.flush()
        return 0
    with whole_file(out) as stream:
        write(reader, stream)
    print(f"{out}", file=sys.stderr)
    return 0


def _to_tensorboard(reader: RunReader, folder: Path, *, follow: bool) -> int:
    try:
        from dltui.exporters.tensorboard import EventFile  # an extra, half a second to import
    except ImportError as error:
        raise UsageError(
            f"this needs the tensorboard package ({error})",
            remedy="pip install 'dltui[tensorboard]'",
        ) from error
    with EventFile(reader, folder) as events:
        events.update()
        print(f"{events.path}", file=sys.stderr)
        while follow and reader.state not in ENDED_STATES:
            time.sleep(_FOLLOW_INTERVAL_S)
            if reader.poll():
                events.update()
        reader.poll()
        events.update()
    return 0
