"""A model's folder as transformers, diffusers and peft write it, and the hub's cache of one.

The cache of `org/name` is `models--org--name`: `refs/main` holds a commit, `snapshots/<commit>` the
model's folder, whose files are links into `blobs`.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect import json_text
from dltui.inspect.budget import Budget
from dltui.inspect.checks import damaged, inside, quoted
from dltui.inspect.combined import combined
from dltui.inspect.contents import Checkpoint, Module
from dltui.inspect.formats import sharded
from dltui.inspect.opening import open_file
from dltui.inspect.source import Source
from dltui.records import replaced

_STEMS = ("model", "pytorch_model", "adapter_model", "diffusion_pytorch_model", "tf_model")
_ENDINGS = (".safetensors.index.json", ".safetensors", ".bin.index.json", ".bin", ".h5")
WEIGHTS = tuple(stem + ending for stem in _STEMS for ending in _ENDINGS)
"""Files that may hold a model's weights, the most complete first."""

_OTHER_WEIGHTS = ("*.index*.json", "*.safetensors", "*.gguf", "*.onnx")
"""Of variants (`model.fp16.safetensors`), of single files in a folder, and of other programs."""

_PIPELINE = "model_index.json"
_SETTINGS = ("config.json", "generation_config.json", "adapter_config.json", _PIPELINE)
_MAX_PARTS = 64


def sniff_folder(path: Path) -> bool:
    """A folder with weights under a usual name, or a cache's folder with snapshots."""
    if not os.path.isdir(path):
        return False
    return _weights(path) is not None or _is_cache(path) or bool(_parts(path))


def read_folder(path: Path, within: Budget | None = None) -> Checkpoint:
    """The weights with the configuration beside them. Raises CheckpointError."""
    budget = Budget(path, within=within)
    folder = _snapshot(path) if _is_cache(path) else path
    settings = {name: _json(folder / name) for name in _SETTINGS if os.path.isfile(folder / name)}
    weights = _weights(folder)
    if weights is None:
        parts = _parts(folder)
        if not parts:
            raise CheckpointError(
                "there are no weights in this folder",
                where=str(folder),
                remedy=f"Looked for: {', '.join(WEIGHTS[:4])} and the like.",
            )
        found = combined(path, "Hugging Face pipeline", _opened(parts, budget))
    else:
        found = _opened_weights(weights, budget)
        if settings:
            found = replaced(found, format=f"Hugging Face folder, {found.format}")
    return replaced(
        found,
        path=path,
        metadata={**found.metadata, **{Path(name).stem: text for name, text in settings.items()}},
        modules={**found.modules, **_root(settings)},
    )


def _opened(parts: list[Path], budget: Budget) -> Iterator[tuple[str, Checkpoint]]:
    for part in parts:
        yield part.name, read_folder(part, budget)


def _opened_weights(weights: Path, budget: Budget) -> Checkpoint:
    if weights.suffix == ".json":
        return sharded.read_folder(weights, budget)
    return open_file(weights, budget)


def _weights(folder: Path) -> Path | None:
    """The weights by a usual name, or else the only index or file of weights that is there."""
    usual = next((folder / name for name in WEIGHTS if os.path.exists(folder / name)), None)
    if usual or not os.path.isdir(folder):
        return usual
    names = [entry.name for entry in _entries(folder)]
    for pattern in _OTHER_WEIGHTS:
        matching = fnmatch.filter(names, pattern)
        if matching:
            return folder / matching[0] if len(matching) == 1 else None
    return None


def _parts(folder: Path) -> list[Path]:
    """The folders of a diffusers pipeline that hold weights, by name."""
    if not os.path.isfile(folder / _PIPELINE):
        return []
    names = [name for name in _json(folder / _PIPELINE) if inside(name) and "/" not in name]
    if len(names) > _MAX_PARTS:
        raise damaged("pipeline", folder / _PIPELINE, f"it names {len(names):,} parts")
    return [folder / name for name in sorted(names) if _weights(folder / name) is not None]


def _is_cache(path: Path) -> bool:
    return os.path.isdir(path / "snapshots") and os.path.isdir(path / "blobs")


def _snapshot(cache: Path) -> Path:
    """The snapshot of `main`, or of the first other name, or the only one there is."""
    refs = [cache / "refs" / "main", *sorted(_entries(cache / "refs"))]
    for ref in refs:
        if os.path.isfile(ref):
            with Source(ref) as source:
                commit = source.read(0, min(source.size, 200)).decode("utf-8", "replace").strip()
            folder = cache / "snapshots" / commit
            if inside(commit) and "/" not in commit and os.path.isdir(folder):
                return folder
    snapshots = sorted(folder for folder in _entries(cache / "snapshots") if os.path.isdir(folder))
    if len(snapshots) == 1:
        return snapshots[0]
    raise CheckpointError(
        f"this cache has {len(snapshots):,} snapshots, and none is named as the current one",
        where=str(cache),
        remedy=f"Name one of the folders in {quoted(str(cache / 'snapshots'))}.",
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}", where=str(folder)) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        with Source(path) as source:
            if source.size > json_text.MAX_VALUE_BYTES:
                raise ValueError(f"{source.size:,} bytes")
            found = json_text.value(source.read(0, source.size))
    except ValueError as error:
        raise damaged("configuration", path, f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise damaged("configuration", path, "it is no JSON object")
    return found


def _root(settings: Mapping[str, dict[str, Any]]) -> dict[str, Module]:
    """The class of the whole model, as its configuration names it."""
    for name in ("config.json", _PIPELINE):
        config = settings.get(name, {})
        match config:
            case {"architectures": [str(class_name), *_]} | {"_class_name": str(class_name)}:
                return {"": Module(class_name, config)}
    return {}
