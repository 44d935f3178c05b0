"""The run store: what a worker writes and everybody else reads.

Writers and the layout need the standard library only; numpy is imported by what reads metrics
and arrays, when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dltui.runs.array_reader import ArrayReader, Frame
    from dltui.runs.arrays import ArrayLog
    from dltui.runs.buckets import BUCKETS, bucket_edges
    from dltui.runs.catalogue import Catalogue, RunSummary, find_run
    from dltui.runs.checkpoints import checkpoint_at, pointed, publish_checkpoint
    from dltui.runs.clean import printable
    from dltui.runs.events import Event, EventLog, EventReader
    from dltui.runs.export import to_csv, to_json
    from dltui.runs.filter import RunFilter
    from dltui.runs.identity import ProcessIdentity, process_identity
    from dltui.runs.inbox import Command, Inbox
    from dltui.runs.layout import RunFolder, create_run, open_run
    from dltui.runs.living import effective_state, liveness
    from dltui.runs.lock import WorkerLock
    from dltui.runs.metric_reader import MetricReader, Points
    from dltui.runs.metrics import MISSING, MetricLog
    from dltui.runs.reader import RunReader
    from dltui.runs.samples import publish_files, publish_samples, read_samples
    from dltui.runs.sheets import (
        PictureSheet,
        TextPairs,
        pair_files,
        picture_files,
        read_pairs,
        read_pictures,
    )
    from dltui.runs.status import Best, RunState, Status, read_status, write_status

_HOMES = {
    "ArrayLog": "arrays",
    "ArrayReader": "array_reader",
    "BUCKETS": "buckets",
    "Best": "status",
    "Catalogue": "catalogue",
    "Command": "inbox",
    "Event": "events",
    "EventLog": "events",
    "EventReader": "events",
    "Frame": "array_reader",
    "Inbox": "inbox",
    "MISSING": "metrics",
    "MetricLog": "metrics",
    "MetricReader": "metric_reader",
    "PictureSheet": "sheets",
    "Points": "metric_reader",
    "ProcessIdentity": "identity",
    "RunFilter": "filter",
    "RunFolder": "layout",
    "RunReader": "reader",
    "RunState": "status",
    "RunSummary": "catalogue",
    "Status": "status",
    "TextPairs": "sheets",
    "WorkerLock": "lock",
    "bucket_edges": "buckets",
    "checkpoint_at": "checkpoints",
    "create_run": "layout",
    "effective_state": "living",
    "find_run": "catalogue",
    "liveness": "living",
    "open_run": "layout",
    "pair_files": "sheets",
    "picture_files": "sheets",
    "pointed": "checkpoints",
    "printable": "clean",
    "process_identity": "identity",
    "publish_checkpoint": "checkpoints",
    "publish_files": "samples",
    "publish_samples": "samples",
    "read_pairs": "sheets",
    "read_pictures": "sheets",
    "read_samples": "samples",
    "read_status": "status",
    "to_csv": "export",
    "to_json": "export",
    "write_status": "status",
}
__all__ = [
    "BUCKETS",
    "MISSING",
    "ArrayLog",
    "ArrayReader",
    "Best",
    "Catalogue",
    "Command",
    "Event",
    "EventLog",
    "EventReader",
    "Frame",
    "Inbox",
    "MetricLog",
    "MetricReader",
    "PictureSheet",
    "Points",
    "ProcessIdentity",
    "RunFilter",
    "RunFolder",
    "RunReader",
    "RunState",
    "RunSummary",
    "Status",
    "TextPairs",
    "WorkerLock",
    "bucket_edges",
    "checkpoint_at",
    "create_run",
    "effective_state",
    "find_run",
    "liveness",
    "open_run",
    "pair_files",
    "picture_files",
    "pointed",
    "printable",
    "process_identity",
    "publish_checkpoint",
    "publish_files",
    "publish_samples",
    "read_pairs",
    "read_pictures",
    "read_samples",
    "read_status",
    "to_csv",
    "to_json",
    "write_status",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
