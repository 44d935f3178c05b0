"""Checkpoint folders: always whole, with pointers that flip in one step.

```
checkpoints/step_00001200/     what the writer put there
checkpoints/latest  best       one line each: the name of a folder
checkpoints/.tmp-old-step_…    the former folder of a step while it is saved a second time
```
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from dltui.errors import StoreError
from dltui.runs.atomic import TEMPORARY, sync_folder, sync_tree, write_atomic

_ASIDE = f"{TEMPORARY}old-"
_STEP = re.compile(rf"(?:{re.escape(_ASIDE)})?step_(\d{{8,19}})")
_PLACE = "place.json"
Pointer = Literal["latest", "best"]


def step_folder(step: int) -> str:
    """`step_00001200`"""
    return f"step_{step:08d}"


def step_of(path: Path) -> int | None:
    """The step of a folder's name, None if it has none."""
    match = _STEP.fullmatch(path.name)
    return int(match[1]) if match else None


def write_place(folder: Path, place: Mapping[str, int]) -> None:
    """Notes in a checkpoint where its training stands, for readers without torch.

    `first_step` is where its fold began, `steps_per_epoch` how long an epoch of it is.
    """
    write_atomic(folder / _PLACE, json.dumps(dict(place)))


def read_place(folder: Path) -> dict[str, int]:
    """What `write_place` noted; nothing where that was not done or cannot be read."""
    try:
        found = json.loads((folder / _PLACE).read_bytes())
    except (OSError, ValueError):
        return {}
    whole = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in whole if type(value) is int and value >= 0}


def publish_checkpoint(
    folder: Path,
    step: int,
    write: Callable[[Path], None],
    *,
    best: bool = False,
    keep: int | None = None,
) -> Path:
    """Makes `folder/step_<step>` of what `write(empty folder)` puts there, then points to it.

    `folder` is the run's `checkpoints/`. `latest` points to it, and `best` where `best` is set.
    Of other numbered checkpoints the newest `keep` stay, counting this one; the one that `best`
    points to always stays. Raises StoreError if the disk is full or cannot be written; the former
    checkpoint is untouched then. Whatever `write` raises comes through, likewise.
    """
    final = folder / step_folder(step)
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        write(temporary)
        sync_tree(temporary)
        _replace_folder(temporary, final)
        sync_folder(folder)
        write_atomic(folder / "latest", final.name + "\n")
        if best:
            write_atomic(folder / "best", final.name + "\n")
    except OSError as error:
        raise StoreError(
            f"cannot save a checkpoint: {error.strerror or error}",
            where=str(final),
            remedy="free some space; the former checkpoint is still whole",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if keep is not None:
        prune_checkpoints(folder, keep)
    return final


def pointed(folder: Path, pointer: Pointer) -> Path | None:
    """The folder that `latest` or `best` names, None where there is none.

    If `latest` is missing, damaged, or names a folder that is gone, the newest whole checkpoint.
    Raises StoreError if it may not be read.
    """
    try:
        name = (folder / pointer).read_text().strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnicodeDecodeError):
        name = ""
    except OSError as error:
        raise StoreError(f"cannot read a pointer: {error}", where=str(folder / pointer)) from error
    found = _whole(folder, name) if _STEP.fullmatch(name) else None
    if found is not None:
        return found
    if pointer == "best":
        return None
    return next(reversed(checkpoints(folder)), None)


def checkpoints(folder: Path) -> list[Path]:
    """All whole checkpoints, oldest first. Raises StoreError if the folder may not be read."""
    try:
        found = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}", where=str(folder)) from error
    by_step: dict[int, Path] = {}
    # `.tmp-old-step_…` sorts before `step_…`, so the newer of the two folders of a step stays.
    for path in sorted(found):
        step = step_of(path)
        if step is not None:
            by_step[step] = path
    return [by_step[step] for step in sorted(by_step)]


def checkpoint_at(folder: Path, step: int | None) -> Path:
    """The checkpoint of a step, or the latest for None. Raises StoreError naming those there."""
    found = pointed(folder, "latest") if step is None else _whole(folder, step_folder(step))
    if found is not None:
        return found
    steps = [str(step_of(path)) for path in checkpoints(folder)]
    raise StoreError(
        "no checkpoint yet" if step is None else f"no checkpoint at step {step}",
        where=str(folder),
        remedy=f"there are checkpoints at steps {', '.join(steps)}"
        if steps
        else "start the recipe anew",
    )


def prune_checkpoints(folder: Path, keep: int) -> None:
    """Removes all but the newest `keep` checkpoints and the ones that pointers name."""
    kept = {pointed(folder, "latest"), pointed(folder, "best")}
    for path in checkpoints(folder)[: -keep or None]:
        if path not in kept:
            remove_whole(path)


def sweep_checkpoints(folder: Path) -> None:
    """Removes what a writer that was killed left behind; for the run's only writer, at start.

    A checkpoint that was put aside to be replaced, and never was, gets its name back.
    """
    for aside in folder.glob(f"{_ASIDE}*"):
        final = folder / aside.name.removeprefix(_ASIDE)
        if not final.exists():
            aside.rename(final)
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_whole(path: Path) -> None:
    """Removes a folder so that no reader ever finds half of it under its name."""
    aside = path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")
    path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _whole(folder: Path, name: str) -> Path | None:
    """The checkpoint of that name, also in the moment in which it is replaced."""
    final = folder / name
    # Looked at twice: the replacement may have ended between the first look and the second.
    return next(
        (path for path in (final, folder / f"{_ASIDE}{name}", final) if path.is_dir()), None
    )


def _replace_folder(new: Path, final: Path) -> None:
    """Gives `new` the name `final`; what had it is found under another name until then."""
    aside = final.with_name(f"{_ASIDE}{final.name}")
    if final.exists():
        shutil.rmtree(aside, ignore_errors=True)
        final.rename(aside)
    new.rename(final)
    shutil.rmtree(aside, ignore_errors=True)
