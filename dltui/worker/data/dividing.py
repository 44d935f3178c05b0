"""Which of a set's own parts become training, validation and test parts, and which are divided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dltui.recipe.schema.data import DataSection, KFold, Split
from dltui.worker.data.examples import Examples
from dltui.worker.data.sources.loaded import Loaded
from dltui.worker.data.split import (
    DEFAULT,
    fold_number,
    fold_parts,
    limited,
    part_sizes,
    random_parts,
)


@dataclass(frozen=True, slots=True)
class Division:
    """`pool` is the own part that is divided, `kept` own parts by the part that they become."""

    pool: str | None
    split: Split = DEFAULT
    kfold: KFold | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def division(section: DataSection, own: Collection[str]) -> Division:
    """What a recipe's `split` and `kfold` mean for a set whose own parts are `own`."""
    pool = "all" if "all" in own else "train"
    chosen = DEFAULT if section.split == "own" else section.split
    unused = ("the set's own validation part is not used",) if "val" in own else ()
    if section.kfold is not None:
        fold, folds = fold_number(section.kfold), section.kfold.folds
        note = f"fold {fold} of 0 to {folds - 1} is the validation part"
        kept = {"test": "test"} if "test" in own else {}
        return Division(pool, chosen, section.kfold, kept, (note, *unused))
    if section.split != "own":
        own_test = "test" in own and not chosen.test
        kept = {"test": "test"} if own_test else {}
        return Division(pool, chosen, None, kept, unused)
    if pool == "all" or set(own) == {"train"}:
        return Division(pool, chosen)
    if "val" in own:
        return Division(None, kept={name: name for name in ("train", "val", "test") if name in own})
    note = (
        "the set's own test part serves for validation; "
        "set data.split to hold out part of train instead"
    )
    return Division(None, kept={"train": "train", "val": "test"}, notes=(note,))


def divided_sizes(section: DataSection, sizes: Mapping[str, int]) -> dict[str, int]:
    """Examples per part after the split and `limit`."""
    plan = division(section, sizes)
    found: dict[str, int] = {}
    if plan.pool is not None and plan.kfold is not None:
        total, fold = sizes[plan.pool], fold_number(plan.kfold)
        held = len(range(fold, total, plan.kfold.folds))
        found = {"train": total - held, "val": held}
    elif plan.pool is not None:
        found = part_sizes(sizes[plan.pool], plan.split)
    found |= {name: sizes[source] for name, source in plan.kept.items()}
    if section.limit is not None:
        found = {name: min(size, section.limit) for name, size in found.items()}
    return found


def divided(section: DataSection, loaded: Loaded) -> dict[str, Examples]:
    """The examples of every part after the split and `limit`; parts without examples are left
    out."""
    if loaded.divided:
        return {name: _limited(section, part) for name, part in loaded.parts.items()}
    plan = division(section, loaded.parts)
    found: dict[str, Examples] = {}
    if plan.pool is not None:
        pool = loaded.parts[plan.pool]
        labels = _labels(loaded, pool)
        if plan.kfold is not None:
            indices = fold_parts(len(pool), plan.kfold, plan.split.seed, labels)
        else:
            indices = random_parts(len(pool), plan.split, labels)
        found = {name: pool.take(chosen) for name, chosen in indices.items()}
    found |= {name: loaded.parts[source] for name, source in plan.kept.items()}
    return {name: _limited(section, part) for name, part in found.items() if len(part)}


def _labels(loaded: Loaded, pool: Examples) -> Tensor | None:
    return pool.targets if loaded.outline.info.target == "class" else None


def _limited(section: DataSection, part: Examples) -> Examples:
    if section.limit is None or len(part) <= section.limit:
        return part
    everyone = torch.arange(len(part))
    return part.take(limited(everyone, section.limit, 0))
