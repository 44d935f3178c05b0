"""The list of all runs in a folder, newest first, with a cache that may be deleted any time."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltui.errors import RunNotFoundError, StoreError
from dltui.paths import cache_folder
from dltui.runs.clean import clean_json, printable
from dltui.runs.layout import RUN_ID, RunFolder, check_private, open_run, run_folders, run_name
from dltui.runs.living import effective_state
from dltui.runs.stamps import change_stamp
from dltui.runs.status import RunState, Status, status_from_json

_SCHEMA = "CREATE TABLE IF NOT EXISTS runs_1 (id TEXT PRIMARY KEY, key TEXT, record TEXT)"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of the list, with its state as it is now."""

    folder: RunFolder
    state: RunState
    status: Status
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Scalars of the resolved recipe by dotted key, `optimizer.lr`."""

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def name(self) -> str:
        return self.folder.name

    def as_json(self) -> dict[str, Any]:
        """The object of `dltui runs --json`; NaN and infinity are null."""
        status = self.status
        best = status.best
        return {
            "id": self.id,
            "name": self.name,
            "path": str(self.folder.path.absolute()),
            "recipe": status.recipe,
            "task": status.task,
            "state": self.state,
            "epoch": _finite(status.epoch),
            "step": status.step,
            "progress": status.progress,
            "started": status.started,
            "elapsed_s": _finite(status.elapsed_s),
            "device": status.device,
            "pid": status.process.pid if status.process else None,
            "metrics": {name: _finite(value) for name, value in status.metrics.items()},
            "best": best
            and {"metric": best.metric, "value": _finite(best.value), "step": best.step},
            "parameters": status.parameters,
            "message": status.message,
            "parent": status.parent,
        }

    def facts(self) -> dict[str, Any]:
        """What a filter line can ask about: settings, metrics and the JSON keys."""
        plain = self.as_json()
        metrics = plain.pop("metrics")
        return {**self.settings, **metrics, **plain}


Summaries = list[RunSummary]


class Catalogue:
    """The runs of one folder."""

    def __init__(self, runs: Path):
        self.runs = runs
        self.problems: dict[str, str] = {}
        """Folders that look like runs and were left out, with the reason."""

    def list(self) -> Summaries:
        """All readable runs, newest first.

        Raises StoreError if the folder cannot be listed. Without a usable cache every run is read.
        """
        self.problems = {}
        folders = run_folders(self.runs)
        try:
            with closing(_open_cache(self.runs)) as cache:
                return self._list_cached(folders, cache)
        except (sqlite3.Error, OSError, UnicodeEncodeError):
            # The cache only saves time: without one, or with a name that it cannot hold, each
            # run's own files are read.
            return [found for path in folders if (found := self._read(path, None)) is not None]

    def _list_cached(self, folders: Sequence[Path], cache: sqlite3.Connection) -> Summaries:
        rows = cache.execute("SELECT id, key, record FROM runs_1")
        known = {run_id: (key, record) for run_id, key, record in rows}
        fresh: dict[str, tuple[str, str]] = {}
        found = [
            summary
            for path in folders
            if (summary := self._read(path, known.get(path.name), fresh)) is not None
        ]
        gone = known.keys() - {path.name for path in folders}
        if fresh or gone:
            with cache:
                cache.executemany(
                    "INSERT OR REPLACE INTO runs_1 VALUES (?, ?, ?)",
                    [(run_id, key, record) for run_id, (key, record) in fresh.items()],
                )
                cache.executemany("DELETE FROM runs_1 WHERE id = ?", [(name,) for name in gone])
        return found

    def _read(
        self,
        path: Path,
        known: tuple[str, str] | None,
        fresh: dict[str, tuple[str, str]] | None = None,
    ) -> RunSummary | None:
        try:
            check_private(path)
            found = (path / "status.json").stat()
            key = "-".join(map(str, change_stamp(found)))
            if known is not None and known[0] == key:
                record = json.loads(known[1])
            else:
                record = {
                    "status": json.loads((path / "status.json").read_bytes()),
                    "settings": _settings(path),
                }
                if fresh is not None:
                    fresh[path.name] = (key, json.dumps(record))
            status = status_from_json(record["status"])
        except StoreError as error:
            self.problems[path.name] = error.message
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            self.problems[path.name] = f"no readable status: {printable(str(error))}"
            return None
        return RunSummary(
            RunFolder(path), effective_state(path, status), status, clean_json(record["settings"])
        )


def find_run(runs: Path, wanted: str) -> RunFolder:
    """The run that a person means: `last`, an id, a name, a unique beginning of either, a path
    to a run or to a folder of runs.

    Raises RunNotFoundError if none or more than one fits, StoreError if it cannot be trusted.
    """
    folders = run_folders(runs)
    if wanted == "last" and folders:
        return open_run(folders[0])
    if "/" in wanted or wanted in (".", ".."):
        return _run_at(Path(wanted).absolute())
    names = {path: RunFolder(path).name for path in folders}
    bases = {path: match[3] for path in folders if (match := RUN_ID.fullmatch(path.name))}
    for fits in (
        [path for path in folders if path.name == wanted],
        [path for path in folders if names[path] == wanted],
        [path for path in folders if bases.get(path) == run_name(wanted) and wanted],
        [
            path
            for path in folders
            if wanted and (path.name.startswith(wanted) or names[path].startswith(wanted))
        ],
    ):
        if len(fits) == 1:
            return open_run(fits[0])
        if fits:
            shown = ", ".join(printable(names[path]) for path in fits[:8])
            raise RunNotFoundError(
                f"{len(fits)} runs go by {printable(wanted)!r}: {shown}",
                where=str(runs),
                remedy="give the whole name or the id",
            )
    raise RunNotFoundError(
        f"no run goes by {printable(wanted)!r}" if folders else "there are no runs yet",
        where=str(runs),
        remedy="dltui runs lists them; --runs DIR looks elsewhere"
        if folders
        else "start one: dltui train vision/cnn-digits; --runs DIR looks elsewhere",
    )


def _run_at(path: Path) -> RunFolder:
    """The run in a folder, or the newest one of a folder of runs."""
    if not path.is_dir():
        raise RunNotFoundError(
            "there is no such folder",
            where=printable(str(path)),
            remedy="dltui runs lists the runs there are",
        )
    newest = run_folders(path)[:1]
    if newest and not (path / "status.json").exists():
        return open_run(newest[0])
    return open_run(path)


def _open_cache(runs: Path) -> sqlite3.Connection:
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256(str(runs.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
    path = folder / f"runs-{digest}.sqlite"
    try:
        return _connect(path)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    cache = sqlite3.connect(path, timeout=0.5)
    try:
        cache.execute(_SCHEMA)
    except sqlite3.Error:
        cache.close()
        raise
    return cache


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads((path / "settings.json").read_bytes())
    except FileNotFoundError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
