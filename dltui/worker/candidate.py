"""Checks a recipe and then, if told to, trains it: torch is imported once for both.

`python -m dltui.worker.candidate RECIPE [key=value …]` prints the line of `dltui.worker.describe`
and waits. A run folder on a line of its standard input makes this process the worker of that run;
the end of the input, or errors in the recipe, end it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dltui.worker.describe import describe_aside
from dltui.worker.output import outlive_full_disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 2 where there are errors, 0 where it was not chosen, else the worker's."""
    source, *overrides = sys.argv[1:] if arguments is None else arguments
    found = describe_aside(source, overrides)
    print(json.dumps(found), flush=True)
    if found["errors"]:
        return 2
    chosen = sys.stdin.readline().rstrip("\n")
    if not chosen:
        return 0
    _take_log(Path(chosen) / "worker.log")
    outlive_full_disk()
    from dltui.worker.start import main as work  # only a chosen candidate needs the run's side

    return work([chosen])


def _take_log(path: Path) -> None:
    """From here on this process has no input and its output is the run's log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, opened in ((0, nothing), (1, log), (2, log)):
        os.dup2(opened, number)
    os.close(nothing)
    os.close(log)


if __name__ == "__main__":
    sys.exit(main())
