"""`dltui export RUN --to csv|json`."""

from __future__ import annotations

import sys
from pathlib import Path

from dltui.errors import UsageError
from dltui.runs.catalogue import find_run
from dltui.runs.export import to_csv, to_json, whole_file
from dltui.runs.reader import RunReader


def export(runs: Path, run: str, to: str, out: Path | None = None) -> int:
    """Writes a run's metrics to `out`, or to stdout."""
    if to not in ("csv", "json"):
        raise UsageError(f"there is no export to {to!r}", remedy="--to csv or --to json")
    write = to_csv if to == "csv" else to_json
    reader = RunReader(find_run(runs, run))
    reader.poll()
    for name, problem in reader.problems.items():
        print(f"dltui: {name} is left out: {problem}", file=sys.stderr)
    if out is None:
        write(reader, sys.stdout)
        sys.stdout.flush()
        return 0
    with whole_file(out) as stream:
        write(reader, stream)
    print(f"{out}", file=sys.stderr)
    return 0
