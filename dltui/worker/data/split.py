"""Dividing examples into training, validation and test parts: seeded, stratified, k-fold."""

from __future__ import annotations

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.schema.data import KFold, Split
from dltui.worker.data.seeds import permutation, seed_of

DEFAULT = Split(train=0.8, val=0.2, test=0.0, stratify=True, seed=0)
"""What `split: own` means for a set without parts of its own."""

Parts = dict[str, Tensor]
"""Sorted example numbers by part, int64."""


def part_sizes(size: int, split: Split) -> dict[str, int]:
    """Examples per part of `size` examples; `train` first, no part that the split gives 0.

    Raises `DataError` where the shares pass 1 or a part would be empty.
    """
    shares = {"train": split.train, "val": split.val, "test": split.test}
    total = sum(shares.values())
    if total > 1 + 1e-9:
        raise DataError(
            f"the parts of the split add up to {total:g}",
            where="data.split",
            remedy="Let train, val and test add up to 1 or less.",
        )
    held = {name: max(1, round(size * shares[name])) for name in ("val", "test") if shares[name]}
    rest = size - sum(held.values())
    # Shares that leave something over leave it unused; 1 - 1e-9 because 0.7 + 0.2 + 0.1 < 1.
    train = rest if total > 1 - 1e-9 else min(rest, round(size * split.train))
    if train < 1:
        raise DataError(
            f"{size} examples are too few for a split of "
            + ", ".join(f"{name} {share:g}" for name, share in shares.items() if share),
            where="data.split",
            remedy="Give more examples, or a larger share to train.",
        )
    return {"train": train, **held}


def random_parts(size: int, split: Split, labels: Tensor | None) -> Parts:
    """Divides `size` examples. With class `labels` `(size,)` every part keeps the proportions.

    A class of a single example goes to `train`.
    """
    sizes = part_sizes(size, split)
    shuffled = permutation(size, seed_of(split.seed, "split"))
    order = shuffled if labels is None or not split.stratify else _interleaved(shuffled, labels)
    parts: Parts = {}
    # Evenly spaced picks of an order in which classes alternate evenly are stratified.
    remaining = order
    for name in ("test", "val"):
        if name in sizes:
            picked = _evenly(len(remaining), sizes[name])
            parts[name] = remaining[picked]
            remaining = remaining[~picked]
    if labels is not None and split.stratify:
        remaining, parts = _return_lone(remaining, parts, labels)
    if sum(sizes.values()) < size:
        remaining = remaining[_evenly(len(remaining), sizes["train"])]
    return {"train": remaining.sort().values} | {
        name: parts[name].sort().values for name in ("val", "test") if name in parts
    }


def fold_parts(size: int, kfold: KFold, seed: int, labels: Tensor | None) -> Parts:
    """The fold `kfold.fold` (from 0) as `val`, the others as `train`; stratified by `labels`."""
    fold = fold_number(kfold)
    if size < kfold.folds:
        raise DataError(
            f"{size} examples cannot make {kfold.folds} folds",
            where="data.kfold.folds",
            remedy=f"Ask for at most {size} folds.",
        )
    order = permutation(size, seed_of(seed, "split"))
    if labels is not None:
        order = order[labels[order].argsort(stable=True)]
    places = torch.arange(size) % kfold.folds
    held = places == fold
    return {"train": order[~held].sort().values, "val": order[held].sort().values}


def fold_number(kfold: KFold) -> int:
    """The fold of this run, from 0; the first where the recipe leaves all to the launcher."""
    fold = 0 if kfold.fold == "all" else kfold.fold
    if not 0 <= fold < kfold.folds:
        raise DataError(
            f"there is no fold {fold}",
            where="data.kfold.fold",
            remedy=f"Folds count from 0 to {kfold.folds - 1}.",
        )
    return fold


def limited(indices: Tensor, limit: int | None, seed: int) -> Tensor:
    """At most `limit` of a part's examples, chosen at random, sorted."""
    if limit is None or len(indices) <= limit:
        return indices
    return indices[permutation(len(indices), seed_of(seed, "limit"))[:limit]].sort().values


def _interleaved(order: Tensor, labels: Tensor) -> Tensor:
    """`order` sorted by class, each class as shuffled: even picks then take every class alike."""
    return order[labels[order].argsort(stable=True)]


def _evenly(size: int, count: int) -> Tensor:
    """A mask `(size,)` with `count` True, spread as evenly as whole numbers allow."""
    ends = torch.arange(1, size + 1) * count // max(size, 1)
    return torch.diff(ends, prepend=torch.zeros(1, dtype=ends.dtype)) > 0


def _return_lone(remaining: Tensor, parts: Parts, labels: Tensor) -> tuple[Tensor, Parts]:
    """Gives classes that `train` would lack back to it."""
    missing = torch.ones(int(labels.max()) + 1, dtype=torch.bool)
    missing[labels[remaining]] = False
    returned: Parts = {}
    for name, indices in parts.items():
        lone = missing[labels[indices]]
        first = lone & _first_of_class(labels[indices])
        remaining = torch.cat([remaining, indices[first]])
        missing[labels[indices[first]]] = False
        returned[name] = indices[~first]
    return remaining, returned


def _first_of_class(labels: Tensor) -> Tensor:
    seen: set[int] = set()
    first = torch.zeros(len(labels), dtype=torch.bool)
    for place, label in enumerate(labels.tolist()):
        first[place] = label not in seen
        seen.add(label)
    return first
