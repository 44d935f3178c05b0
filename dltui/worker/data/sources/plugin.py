"""Data of the user's own Python: `@dltui.data_source(name)`.

The registered function or class is called with `data.args` and gives one of

- `(inputs, targets)` or `(inputs, targets, info)`: tensors with the examples along dimension 0,
  `inputs` one or a map of several by name;
  `info` is a map with any of `class_names`, `feature_names`, `classes`, `vocab`;
- a `torch.utils.data.Dataset` with a length, of `(input, target)` pairs;
- a map of the parts `train`, `val`, `test` to such.

uint8 inputs `(N, C, H, W)` are images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.graph import plugins
from dltui.recipe.data_info import DataInfo, InputInfo, Target
from dltui.recipe.schema.data import PluginData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples, Raw, TensorExamples
from dltui.worker.data.sources.loaded import Kind, Loaded, Outline
from dltui.worker.data.tensors import Tensors, first

_PARTS = ("train", "val", "test")


class DatasetExamples:
    """A torch Dataset of `(input, target)` pairs, read when asked for."""

    def __init__(self, dataset: Any, numbers: Tensor | None = None) -> None:
        self._dataset = dataset
        self._numbers = torch.arange(len(dataset)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def targets(self) -> Tensor | None:
        return None

    def take(self, indices: Tensor) -> DatasetExamples:
        return DatasetExamples(self._dataset, self._numbers[indices])

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        pairs = [self._dataset[number] for number in self._numbers[indices].tolist()]
        inputs = torch.stack([torch.as_tensor(pair[0]) for pair in pairs])
        return Raw(inputs, torch.stack([torch.as_tensor(pair[1]) for pair in pairs]))

    def to(self, device: torch.device) -> None:
        """A dataset is not kept in a device's memory."""

    @property
    def size_bytes(self) -> int:
        return len(self) * int(torch.as_tensor(self._dataset[0][0]).nbytes)


def outline(section: PluginData, task: str) -> Outline:
    """Calls the plugin: only it knows its data."""
    return read(section, task).outline


def read(section: PluginData, task: str, say: Say | None = None) -> Loaded:
    """The plugin's examples; the file that registers the source must have been loaded.

    Raises `PluginError` at the plugin's own line where it fails, `DataError` where what it gives
    is no data.
    """
    source = plugins.data_source_named(section.name)
    where = source.where
    try:
        given = source.make(**section.args)
    except Exception as error:
        what = f"the data source {section.name} failed"
        raise plugins.plugin_failure(error, what, where) from error
    by_part = given if isinstance(given, Mapping) else {"all": given}
    if not by_part or not (set(by_part) <= set(_PARTS) or set(by_part) == {"all"}):
        raise _no_data(where, f"it gives the parts {', '.join(map(str, by_part)) or 'none'}")
    if "all" not in by_part and "train" not in by_part:
        raise _no_data(where, "it gives no train part")
    parts: dict[str, Examples] = {}
    facts: dict[str, Any] = {}
    for name, piece in by_part.items():
        parts[name], more = _examples(piece, where)
        facts |= more
    info = _info(parts, facts, task, where)
    example = next(iter(parts.values())).fetch(torch.tensor([0]), None)
    kind = _kind(first(example.inputs), info)
    return Loaded(Outline(info, {name: len(part) for name, part in parts.items()}), parts, kind)


def _examples(piece: Any, where: str) -> tuple[Examples, dict[str, Any]]:
    if isinstance(piece, tuple) and len(piece) in (2, 3):
        inputs, targets = _inputs(piece[0]), torch.as_tensor(piece[1])
        count = len(first(inputs))
        if count != len(targets) or not count:
            raise _no_data(where, f"it gives {count} inputs and {len(targets)} targets")
        facts = dict(piece[2]) if len(piece) == 3 and piece[2] is not None else {}
        return TensorExamples(inputs, _standard(targets)), facts
    if hasattr(piece, "__getitem__") and hasattr(piece, "__len__") and len(piece):
        return DatasetExamples(piece), {}
    raise _no_data(where, f"it gives a {type(piece).__name__}")


def _inputs(given: Any) -> Tensors:
    if isinstance(given, Mapping):
        return {str(name): _standard(torch.as_tensor(value)) for name, value in given.items()}
    return _standard(torch.as_tensor(given))


def _standard(tensor: Tensor) -> Tensor:
    """float32, int64 or uint8, the types that networks and losses take."""
    if tensor.is_floating_point():
        return tensor.float()
    return tensor if tensor.dtype == torch.uint8 and tensor.ndim > 2 else tensor.long()


def _info(parts: Mapping[str, Examples], facts: dict[str, Any], task: str, where: str) -> DataInfo:
    raw = next(iter(parts.values())).fetch(torch.tensor([0]), None)
    main = first(raw.inputs)
    shape = tuple(main.shape[1:])
    target = _target_kind(task, raw.targets)
    if target == "series" and (main.ndim, raw.targets.ndim) != (3, 3):
        raise _no_data(where, "series are inputs (N, context, C) and targets (N, horizon, series)")
    names = tuple(map(str, facts.get("class_names", ())))
    classes = facts.get("classes") or len(names) or None
    if target == "class":
        classes = classes or _counted_classes(parts, where)
    elif target == "labels":
        classes = raw.targets.shape[-1]
    vocab = facts.get("vocab")
    if target == "token" and vocab is None:
        raise _no_data(where, "tokens need info={'vocab': …}")
    return DataInfo(
        shape=shape,
        dtype="int64" if main.dtype == torch.int64 else "float32",
        target=target,
        classes=classes,
        class_names=names,
        targets=_width(target, raw.targets),
        vocab=vocab,
        context=shape[0] if target in ("token", "series") else None,
        horizon=raw.targets.shape[1] if target == "series" else None,
        feature_names=tuple(map(str, facts.get("feature_names", ()))),
        inputs=()
        if isinstance(raw.inputs, Tensor)
        else tuple(_input(name, values) for name, values in raw.inputs.items()),
    )


def _width(target: Target, targets: Tensor) -> int | None:
    """Numbers, labels or series to predict."""
    if target == "series":
        return int(targets.shape[-1])
    return targets[0].numel() if target in ("value", "labels") else None


def _input(name: str, values: Tensor) -> InputInfo:
    return InputInfo(
        name, tuple(values.shape[1:]), "int64" if values.dtype == torch.int64 else "float32"
    )


def _target_kind(task: str, targets: Tensor) -> Target:
    learns = TASKS[task].learns
    if len(learns) == 1:
        return cast("Target", learns[0])
    return "value" if targets.is_floating_point() else "class"


def _counted_classes(parts: Mapping[str, Examples], where: str) -> int:
    known = [part.targets for part in parts.values() if part.targets is not None]
    if len(known) < len(parts):
        raise _no_data(where, "a Dataset of classes needs tensors, or parts with class_names")
    for targets in known:
        if targets.is_floating_point() or targets.ndim != 1 or int(targets.min()) < 0:
            raise _no_data(where, "class targets are whole numbers (N,) from 0")
    return 1 + max(int(targets.max()) for targets in known)


def _kind(inputs: Tensor, info: DataInfo) -> Kind:
    if inputs.dtype == torch.uint8 and inputs.ndim == 4:
        return "images"
    return "table" if inputs.ndim == 2 and info.dtype == "float32" else "other"


def _no_data(where: str, why: str) -> DataError:
    return DataError(
        f"the plugin's data cannot be used: {why}",
        where=where,
        remedy="Return (inputs, targets) tensors of equal length, a Dataset, or a map of parts.",
    )
