"""`dltui diff A B`, and `dltui diff FOLDER` for the checkpoints of one training."""

from __future__ import annotations

import sys
from pathlib import Path

from dltui.cli.checkpoints import checkpoint_path, print_json, print_lines, progress_bar


def diff(a: str, b: str, runs: Path | None, *, as_json: bool, as_text: bool) -> int:
    """Shows what differs between two checkpoints; 0 if nothing does, 1 otherwise.

    In a terminal on a screen, else as text.

    Raises CheckpointError if one cannot be read.
    """
    from dltui.inspect import open_checkpoint
    from dltui.inspect.compared import difference_json, difference_lines
    from dltui.inspect.diff import diff

    path_a, path_b = checkpoint_path(a, runs), checkpoint_path(b, runs)
    first, second = open_checkpoint(path_a), open_checkpoint(path_b)
    if not as_json and not as_text and sys.stdin.isatty() and sys.stdout.isatty():
        from dltui.cli.screens import open_difference

        return open_difference(path_a, path_b)
    with progress_bar("comparing") as show:
        difference = diff(first, second, show)
    found = difference_json(first, second, difference)
    if as_json:
        print_json(found)
    else:
        print_lines(difference_lines(found))
    return 0 if difference.is_same else 1


def trajectory(folder: str, runs: Path | None, *, as_json: bool) -> int:
    """Prints how far each tensor travels over the checkpoints of a folder or a run; 0.

    Raises CheckpointError where there are not two of them.
    """
    from dltui.inspect.compared import trajectory_json, trajectory_lines
    from dltui.inspect.trajectory import checkpoints_in, trajectory

    path = Path(folder)
    if not path.is_dir():
        from dltui.paths import runs_folder
        from dltui.runs import find_run

        path = find_run(runs or runs_folder(), folder).path
    stops = checkpoints_in(path)
    with progress_bar("comparing") as show:
        found = trajectory_json(trajectory(stops, show))
    if as_json:
        print_json(found)
    else:
        print_lines(trajectory_lines(found))
    return 0
