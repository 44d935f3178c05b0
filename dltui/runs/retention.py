"""Which steps' samples stay: the newest ones, or ones spread evenly over the whole run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dltui.runs.checkpoints import checkpoints, remove_whole, step_of

MAX_JSON_BYTES = 64 * 2**20
Keep = Callable[[Sequence[int]], Sequence[int]]


def newest(most: int) -> Keep:
    """Keeps the newest `most` steps."""
    return lambda steps: steps[max(0, len(steps) - most) :]


def spread_evenly(most: int) -> Keep:
    """Keeps `most` steps spread evenly, the first and the last always."""
    return lambda steps: evenly_spread(steps, most)


def evenly_spread(steps: Sequence[int], most: int) -> list[int]:
    """At most `most` (2 or more) of the ascending `steps`, the first and the last included.

    Again and again the step goes whose neighbours are closest together, the earliest of equals.
    Applied whenever a step is added at equal distances, no gap grows beyond twice the mean gap.
    """
    kept = list(steps)
    while len(kept) > max(2, most):
        place = min(range(1, len(kept) - 1), key=lambda at: kept[at + 1] - kept[at - 1])
        del kept[place]
    return kept


def prune_samples(folder: Path, keeps: Mapping[str, Keep], rest: Keep) -> None:
    """Drops from each step what its kind no longer keeps, and whole steps where nothing stays.

    `keeps` has a rule for each kind of JSON; `rest` is the rule for folders with none of them.
    The JSON goes before the files that it names.
    """
    kinds = {path: _kinds(path, keeps) for path in checkpoints(folder)}
    dropped: dict[Path, set[str]] = {path: set() for path in kinds}
    for kind, keep in keeps.items():
        with_kind = {step_of(path) or 0: path for path, found in kinds.items() if kind in found}
        for step in with_kind.keys() - set(keep(list(with_kind))):
            dropped[with_kind[step]].add(kind)
    bare = {step_of(path) or 0: path for path, found in kinds.items() if not found}
    for step in bare.keys() - set(rest(list(bare))):
        remove_whole(bare[step])
    for path, gone in dropped.items():
        if gone and gone == kinds[path]:
            remove_whole(path)
        elif gone:
            _drop_kinds(path, gone, kinds[path] - gone)


def _kinds(path: Path, keeps: Mapping[str, Keep]) -> set[str]:
    return {kind for kind in keeps if (path / f"{kind}.json").is_file()}


def _drop_kinds(path: Path, gone: set[str], kept: set[str]) -> None:
    """Removes the JSON of some kinds, then all files but those that the kept kinds name."""
    for kind in sorted(gone):
        (path / f"{kind}.json").unlink(missing_ok=True)
    named = _named_files(path, kept)
    for other in path.iterdir():
        if other.name not in named and other.suffix != ".json":
            other.unlink(missing_ok=True)


def _named_files(path: Path, kinds: set[str]) -> set[str]:
    """Every text in the JSON of `kinds`: file names are among them."""
    names: set[str] = set()
    for kind in kinds:
        try:
            source = path / f"{kind}.json"
            if source.stat().st_size <= MAX_JSON_BYTES:
                _collect_texts(json.loads(source.read_bytes()), names)
        except (OSError, ValueError, RecursionError):
            continue  # damaged: nobody can say which files it named
    return names


def _collect_texts(value: Any, found: set[str]) -> None:
    if isinstance(value, str):
        found.add(value)
    elif isinstance(value, list):
        for item in value:
            _collect_texts(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _collect_texts(item, found)
