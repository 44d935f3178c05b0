"""The run folder: its parts, how one is made, and who may be trusted with one.

```
runs/20261120-153012-cnn-digits-3/     0700
  recipe.yaml  resolved.yaml  settings.json  environment.json  status.json
  worker.lock  launch.json
  metrics/  arrays/  samples/  events.jsonl  inbox/  checkpoints/  worker.log
```
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dltui.errors import StoreError
from dltui.runs.atomic import sync_folder, write_atomic
from dltui.runs.status import Status, write_status

RUN_ID = re.compile(r"(\d{8}-\d{6})-((.+)-(\d+))")
_STAMP = "%Y%m%d-%H%M%S"
_PARTS = ("metrics", "arrays", "samples", "inbox", "checkpoints")
_TRUSTED_PARTS = ("inbox", "checkpoints")
"""What decides what a worker does: commands that it carries out, weights that it goes on from."""
_NAME_LENGTH = 80
_NAME_BYTES = 160
_OTHER_FOLDER = "choose a folder that you can write: --runs DIR or DLTUI_RUNS"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where everything of one run lies. Making the object touches nothing on the disk."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str:
        """The id without its date: `cnn-digits-3`."""
        match = RUN_ID.fullmatch(self.id)
        return match[2] if match else self.id

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def resolved(self) -> Path:
        return self.path / "resolved.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def data_info(self) -> Path:
        """The facts of the data that the run's network was made for."""
        return self.path / "data.json"

    @property
    def status_path(self) -> Path:
        return self.path / "status.json"

    @property
    def lock_path(self) -> Path:
        return self.path / "worker.lock"

    @property
    def launch_path(self) -> Path:
        return self.path / "launch.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics"

    @property
    def arrays(self) -> Path:
        return self.path / "arrays"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def worker_log(self) -> Path:
        return self.path / "worker.log"

    def metric_log(self, group: str, rank: int = 0) -> Path:
        return self.metrics / f"{group}.rank{rank}.log"

    def array_log(self, group: str) -> Path:
        return self.arrays / f"{group}.log"


def create_run(
    runs: Path,
    name: str,
    recipe_text: str,
    resolved_yaml: str,
    status: Status,
    *,
    settings: Mapping[str, Any] | None = None,
    now: float | None = None,
) -> RunFolder:
    """Makes a run folder `YYYYmmdd-HHMMSS-<name>-<n>`, n counting the runs of that name.

    `settings` are the recipe's scalars by dotted key, for filters of run lists.
    It is made under a hidden name and renamed when whole, so that nobody sees half a run.
    Raises StoreError if `runs` cannot be written, is somebody else's link, or the disk is full.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with _creation_lock(runs):
            sweep_half_made(runs)
            final = runs / _next_id(runs, run_name(name), time.time() if now is None else now)
            half_made = runs / f".new-{os.getpid()}-{secrets.token_hex(4)}"
            try:
                _fill(half_made, recipe_text, resolved_yaml, settings or {})
                write_status(half_made, replace(status, name=RunFolder(final).name))
                half_made.rename(final)
            except BaseException:
                shutil.rmtree(half_made, ignore_errors=True)
                raise
            sync_folder(runs)
    except OSError as error:
        raise StoreError(
            f"cannot make a run: {_why(error)}",
            where=str(runs),
            remedy=f"free some space, or {_OTHER_FOLDER}"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else _OTHER_FOLDER,
        ) from error
    return open_run(final)


def check_runs(runs: Path) -> None:
    """Raises StoreError where no run can be made in `runs`; makes nothing itself.

    For those who check before they work for minutes; `create_run` finds the rest.
    """
    there = runs.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    why = None
    if not there.is_dir():
        why = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        why = f"you may not write to {there}"
    if why is not None:
        raise StoreError(f"cannot make a run: {why}", where=str(runs), remedy=_OTHER_FOLDER)


def open_run(path: Path) -> RunFolder:
    """The run at `path`, after checking that nobody else could have written it.

    Raises StoreError if it is a link, not a folder, another user's, or writable by others: a
    run's recipe decides what the worker does.
    """
    check_private(path)
    for part in _TRUSTED_PARTS:
        if os.path.lexists(path / part):
            check_private(path / part)
    if not (path / "status.json").exists():
        raise StoreError(
            "this folder is not a run: it has no status.json",
            where=str(path),
            remedy="dltui runs lists the runs there are",
        )
    return RunFolder(path)


def check_private(path: Path) -> None:
    """Raises StoreError unless `path` is a real folder of this user that only they can write."""
    try:
        found = path.lstat()
    except OSError as error:
        raise StoreError(f"cannot open the run: {error.strerror}", where=str(path)) from error
    if stat.S_ISLNK(found.st_mode):
        raise StoreError(
            "a run folder and its parts may not be symbolic links",
            where=str(path),
            remedy="name the folder it points to, or its parent with --runs",
        )
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError("a run is a folder, this is not one", where=str(path))
    if found.st_uid != os.geteuid():
        raise StoreError(
            f"this run belongs to another user (uid {found.st_uid})",
            where=str(path),
            remedy="copy it: cp -r --no-preserve=mode,ownership RUN . && chmod 700 the copy",
        )
    if found.st_mode & 0o022:
        raise StoreError(
            f"other users can write this run (mode {stat.S_IMODE(found.st_mode):04o})",
            where=str(path),
            remedy=f"chmod 700 {path}, if nobody changed it",
        )


def run_folders(runs: Path) -> list[Path]:
    """All folders in `runs` that look like runs, newest first. Missing `runs`: none."""
    try:
        names = [entry.name for entry in os.scandir(runs) if RUN_ID.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"cannot list the runs: {_why(error)}", where=str(runs), remedy=_OTHER_FOLDER
        ) from error
    return [runs / name for name in sorted(names, key=_age_key, reverse=True)]


def run_name(name: str) -> str:
    """`name` as part of a folder's name: its last path part, letters, digits, `.`, `_`, `-`."""
    last = Path(name).name.removesuffix(".yaml").removesuffix(".yml")
    kept = re.sub(r"[^\w.-]+|^[.-]+", "-", last).strip("-.")[:_NAME_LENGTH]
    # A folder's name has at most 255 bytes, and letters of other scripts have up to four each.
    kept = kept.encode(errors="replace")[:_NAME_BYTES].decode(errors="ignore")
    return kept.strip("-.") or "run"


def sweep_half_made(runs: Path, *, older_than_s: float = 3600) -> None:
    """Removes what a maker that was killed left behind."""
    for entry in runs.glob(".new-*"):
        if time.time() - entry.lstat().st_mtime > older_than_s:
            shutil.rmtree(entry, ignore_errors=True)


def _why(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "this is a file, not a folder"
    return error.strerror or str(error)


def _fill(folder: Path, recipe: str, resolved: str, settings: Mapping[str, Any]) -> None:
    folder.mkdir(mode=0o700)
    folder.chmod(0o700)
    for part in _PARTS:
        (folder / part).mkdir(mode=0o700)
    write_atomic(folder / "recipe.yaml", recipe)
    write_atomic(folder / "resolved.yaml", resolved)
    write_atomic(folder / "settings.json", json.dumps(dict(settings), indent=1))


def _next_id(runs: Path, name: str, now: float) -> str:
    matches = (RUN_ID.fullmatch(path.name) for path in run_folders(runs))
    numbers = [int(match[4]) for match in matches if match and match[3] == name]
    stamp = time.strftime(_STAMP, time.localtime(now))
    return f"{_after_newest(runs, stamp)}-{name}-{max(numbers, default=0) + 1}"


def _after_newest(runs: Path, stamp: str) -> str:
    """`stamp`, or a second after the newest run's where the clock went back by less than a day.

    Each autumn it does so by an hour, and `last` must stay the run that was made last.
    """
    matches = (RUN_ID.fullmatch(path.name) for path in run_folders(runs)[:1])
    newest = next((match[1] for match in matches if match), stamp)
    if newest <= stamp:
        return stamp
    try:
        next_one = datetime.strptime(newest, _STAMP) + timedelta(seconds=1)
        is_odd = next_one - datetime.strptime(stamp, _STAMP) > timedelta(days=1)
    except (ValueError, OverflowError):
        return stamp  # digits of a name that are no time
    return stamp if is_odd else next_one.strftime(_STAMP)


def _age_key(run_id: str) -> tuple[str, int, str]:
    match = RUN_ID.fullmatch(run_id)
    return (match[1], int(match[4]), match[3]) if match else ("", 0, run_id)


@contextmanager
def _creation_lock(runs: Path) -> Iterator[None]:
    """Two makers at once would count the same number."""
    descriptor = os.open(runs, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # A network filesystem may have no such lock; the rename still never replaces a run.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
