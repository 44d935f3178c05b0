"""`extends` and overrides: one recipe laid over another, every key keeping its origin."""

from __future__ import annotations

from typing import Final

from dltui.recipe.nodes import KeyPath
from dltui.recipe.tree import Entry, dotted, plain

PLURALS: Final = {"model": "models", "optimizer": "optimizers"}
"""Sections that stand once, or by name under their plural where a task trains several networks."""

_SOURCE_KEYS: Final = frozenset(
    ["batch_size", "eval_batch_size", "workers", "on_device", "limit", "split", "kfold"]
)
_KEPT: Final[dict[KeyPath, frozenset[str]]] = {
    ("data",): _SOURCE_KEYS,
    ("optimizer",): frozenset({"lr", "groups"}),
    ("scheduler",): frozenset({"warmup"}),
}
"""Keys that every type of a section has, so that they outlive a change of `type`."""


def merged(base: Entry, over: Entry, notes: list[str], path: KeyPath = ()) -> Entry:
    """`over` laid over `base`: maps key by key, everything else replaced.

    Where both are maps and `over` names another `type`, the arguments of the old type are
    dropped, and `notes` says which.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    kept = _without_old_arguments(base.value, over.value, notes, path)
    found = dict(kept)
    for key, entry in over.value.items():
        found[key] = merged(kept[key], entry, notes, (*path, key)) if key in kept else entry
    return Entry(found, over.place, over.key_place)


def _without_old_arguments(
    base: dict[str, Entry], over: dict[str, Entry], notes: list[str], path: KeyPath
) -> dict[str, Entry]:
    if not path:
        return _without_other_number(base, over, notes)
    if _is_network(path) and ("from" in over) != ("from" in base) and _is_model(over):
        return _without_other_model(base, over, notes)
    old, new = base.get("type"), over.get("type")
    if old is None or new is None or old.value == new.value:
        return base
    section = ("optimizer",) if path[0] == "optimizers" else path
    stays = _KEPT.get(section, frozenset()) | {"type"}
    dropped = [key for key in base if key not in stays and key not in over]
    if dropped:
        notes.append(
            f"{dotted(path)}.type is now {plain(new)} (was {plain(old)}): "
            f"dropped {', '.join(dropped)}"
        )
    return {key: entry for key, entry in base.items() if key in stays}


def _without_other_number(
    base: dict[str, Entry], over: dict[str, Entry], notes: list[str]
) -> dict[str, Entry]:
    """One network gives way to several of them, and the other way round."""
    pairs = [pair for one, many in PLURALS.items() for pair in ((one, many), (many, one))]
    gone = [old for old, new in pairs if old in base and new in over and old not in over]
    notes += [f"{old} gives way to {dict(pairs)[old]}" for old in gone]
    return {key: entry for key, entry in base.items() if key not in gone}


def _is_network(path: KeyPath) -> bool:
    return path == ("model",) or (len(path) == 2 and path[0] == "models")


def _is_model(keys: dict[str, Entry]) -> bool:
    return "from" in keys or "layers" in keys


def _without_other_model(
    base: dict[str, Entry], over: dict[str, Entry], notes: list[str]
) -> dict[str, Entry]:
    """Nothing of a layer list goes with a ready-made network, nor the other way round."""
    dropped = [key for key in base if key not in over]
    if dropped:
        now, was = ("`from`", "`layers`") if "from" in over else ("`layers`", "`from`")
        notes.append(f"model is now given by {now} (was {was}): dropped {', '.join(dropped)}")
    return {}
