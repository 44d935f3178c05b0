"""A checkpoint in several files and an index that says which tensor lies where.

`model.safetensors.index.json`, `pytorch_model.bin.index.json` and their like, as transformers,
diffusers and accelerate write them.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect import json_text
from dltui.inspect.budget import Budget
from dltui.inspect.checks import (
    MAX_HEADER_BYTES,
    MAX_NAMES_BYTES,
    MAX_TENSORS,
    damaged,
    inside,
    quoted,
    too_much,
)
from dltui.inspect.combined import combined
from dltui.inspect.contents import Checkpoint
from dltui.inspect.opening import HEAD_BYTES, open_file
from dltui.inspect.source import Source
from dltui.records import record, replaced

_MAX_SHARDS = 10_000


def sniff_folder(path: Path) -> bool:
    """A file that is a JSON object with a `weight_map`."""
    if not os.path.isfile(path):
        return False
    with Source(path) as source:
        head = source.read(0, min(HEAD_BYTES, source.size)).lstrip()
    return head.startswith(b"{") and (path.name.endswith(".index.json") or b'"weight_map"' in head)


def read_folder(path: Path, within: Budget | None = None) -> Checkpoint:
    """All shards that are there, each opened once; a missing one is said in the notes.

    Raises CheckpointError if the index is damaged or leads out of its folder, if a shard is
    damaged, or none is there.
    """
    index = _index(path)
    there = [name for name in index.shards if os.path.exists(path.parent / name)]
    if not there:
        raise CheckpointError(
            f"none of the {len(index.shards):,} files that this index names is here",
            where=str(path),
            remedy=f"Copy them beside it: {_some(list(index.shards))}.",
        )
    formats: dict[str, None] = {}
    budget = Budget(path, within=within)

    def shards() -> Iterator[tuple[str, Checkpoint]]:
        for name in there:
            shard = open_file(path.parent / name, budget)
            formats[shard.format] = None
            yield "", _by_index(shard, name, index)

    found = combined(path, "sharded", shards(), _missing(index, there))
    known = {tensor.name for tensor in found.tensors}
    absent = [n for n, shard in index.shard_of.items() if n not in known and shard in there]
    notes = found.notes
    if absent:
        notes += (f"The index names {len(absent):,} tensors that no file has: {_some(absent)}.",)
    return replaced(
        found,
        format=f"sharded {', '.join(formats)}",
        metadata={**found.metadata, **index.metadata},
        notes=notes,
    )


@record
class _Index:
    shard_of: dict[str, str]
    """The file of each tensor, by the tensor's name."""
    shards: Counter[str]
    """How many tensors each file has, in the order in which they are named."""
    metadata: dict[str, Any]


def _index(path: Path) -> _Index:
    with Source(path) as source:
        if source.size > MAX_HEADER_BYTES:
            raise too_much("index", path, f"{source.size:,} bytes", MAX_HEADER_BYTES)
        text = source.read(0, source.size)
    index = _Index({}, Counter(), {})
    try:
        for key, begin, end in json_text.members(text, 0, len(text)):
            if key == "weight_map":
                _read_map(path, text, begin, end, index)
            else:
                index.metadata[key] = json_text.value(text[begin:end])
    except ValueError as error:
        raise damaged("index", path, f"it is no JSON ({error})") from error
    if not index.shards:
        raise damaged("index", path, "it names no tensors")
    return index


def _read_map(path: Path, text: bytes, begin: int, end: int, index: _Index) -> None:
    names_bytes = 0
    for name, at, until in json_text.members(text, begin, end):
        shard = json_text.short_text(text[at:until])
        if name in index.shard_of:
            raise damaged("index", path, f"{quoted(name)} stands twice in it")
        if len(index.shard_of) == MAX_TENSORS:
            raise too_much("index", path, "more tensors", MAX_TENSORS)
        names_bytes += sys.getsizeof(name)
        if names_bytes > MAX_NAMES_BYTES:
            raise too_much("index", path, "longer names", MAX_NAMES_BYTES)
        if shard not in index.shards:
            _check_shard(path, shard, index)
        index.shard_of[name] = shard = sys.intern(shard)
        index.shards[shard] += 1


def _check_shard(path: Path, shard: str, index: _Index) -> None:
    if len(index.shards) == _MAX_SHARDS:
        raise too_much("index", path, "more files", _MAX_SHARDS)
    if not inside(shard):
        raise CheckpointError(
            f"this index leads out of its folder: {quoted(shard)}",
            where=str(path),
            remedy="an index names files beside it; do not trust this one",
        )


def _by_index(shard: Checkpoint, file: str, index: _Index) -> Checkpoint:
    """The shard without the tensors that the index has in another file."""
    kept = tuple(t for t in shard.tensors if index.shard_of.get(t.name, file) == file)
    stray = sum(1 for tensor in kept if tensor.name not in index.shard_of)
    notes = shard.notes
    if len(kept) < len(shard.tensors):
        left = len(shard.tensors) - len(kept)
        notes += (f"{left:,} tensors of {file} are left out: the index has them elsewhere.",)
    if stray:
        notes += (f"{stray:,} tensors of {file} are not in the index.",)
    return replaced(shard, tensors=kept, notes=notes)


def _missing(index: _Index, there: Sequence[str]) -> list[str]:
    missing = [name for name in index.shards if name not in set(there)]
    if not missing:
        return []
    tensors = sum(index.shards[name] for name in missing)
    return [
        f"{len(missing):,} of {len(index.shards):,} files are missing, and {tensors:,} tensors "
        f"with them: {_some(missing)}."
    ]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name)[1:-1] for name in names[:3])
    return shown if len(names) <= 3 else f"{shown}, …"
