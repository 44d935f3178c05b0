"""Which tensors of a file share memory: names for storages after the elements that overlap."""

from __future__ import annotations

from dltui.inspect.contents import Tensor
from dltui.records import replaced


def shared_storages(tensors: list[Tensor]) -> tuple[Tensor, ...]:
    """Storage keys such that only those tensors share one whose elements overlap in the file.

    Parts of one flat buffer stand on one storage, and no two are the same bytes.
    """
    keys = [tensor.storage for tensor in tensors if tensor.storage]
    if len(set(keys)) == len(keys):
        return tuple(tensors)
    groups: dict[str, list[int]] = {}
    for index, tensor in enumerate(tensors):
        if tensor.storage:
            groups.setdefault(tensor.storage, []).append(index)
    found = list(tensors)
    for key, group in groups.items():
        if len(group) == 1:
            continue
        end, cluster = 0, key
        for begin, until, index in sorted((*_range(tensors[i]), i) for i in group):
            if begin >= end:
                cluster = f"{key}@{begin}" if begin else key
            end = max(end, until)
            found[index] = replaced(tensors[index], storage=cluster)
    return tuple(found)


def _range(tensor: Tensor) -> tuple[int, int]:
    """The elements of its storage that a tensor reaches: first, and one past the last."""
    place = tensor.place
    offset, stride = getattr(place, "offset", 0), getattr(place, "stride", None)
    if stride is None or 0 in tensor.shape:
        return offset, offset
    return offset, offset + 1 + sum((n - 1) * s for n, s in zip(tensor.shape, stride, strict=True))
