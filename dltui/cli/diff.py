"""`dltui diff A B`, and `dltui diff FOLDER` for the checkpoints of one training."""

from __future__ import annotations

from pathlib import Path

from dltui.cli.checkpoints import checkpoint_path, print_json, print_lines, progress_bar


def diff(a: str, b: str, runs: Path | None, *, as_json: bool) -> int:
    """Prints what differs between two checkpoints; 0 if nothing does, 1 otherwise.

    Raises CheckpointError if one cannot be read.
    """
    from dltui.inspect import open_checkpoint
    from dltui.inspect.compared import difference_json, difference_lines
    from dltui.inspect.diff import diff

    first = open_checkpoint(checkpoint_path(a, runs))
    second = open_checkpoint(checkpoint_path(b, runs))
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
