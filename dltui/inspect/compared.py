"""Differences and trajectories as plain values for `--json`, and these as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.diff import Difference, Pair
from dltui.inspect.plain_json import finite
from dltui.inspect.text import shape_text, table
from dltui.inspect.trajectory import Trajectory

Json = dict[str, Any]
_SHOWN_STOPS = 8
"""So many checkpoints of a trajectory get a column of text."""


def difference_json(a: Checkpoint, b: Checkpoint, difference: Difference) -> Json:
    """The JSON of `dltui diff A B --json`."""
    matching = difference.matching
    found: Json = finite(
        {
            "a": str(a.path),
            "b": str(b.path),
            "identical": difference.is_same,
            "same": difference.same,
            "added": [_tensor(tensor) for tensor in difference.added],
            "removed": [_tensor(tensor) for tensor in difference.removed],
            "reshaped": [_pair(pair) for pair in difference.reshaped],
            "retyped": [_pair(pair) for pair in difference.retyped],
            "changed": [asdict(change) for change in difference.changed],
            "unread": [{"name": name, "why": why} for name, why in difference.unread],
            "renamed": matching.renamed,
            "ignored_prefixes": {"a": matching.ignored_a, "b": matching.ignored_b},
        }
    )
    return found


def difference_lines(found: Json) -> Iterator[str]:
    """A difference in sections; those that are empty are left out."""
    yield f"{found['a']}  →  {found['b']}"
    kinds = ("same", "changed", "retyped", "reshaped", "added", "removed", "unread")
    counts = {kind: found[kind] if kind == "same" else len(found[kind]) for kind in kinds}
    yield ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "no tensors"
    if found["renamed"]:
        yield f"{found['renamed']:,} names agree only without {_ignored(found['ignored_prefixes'])}"
    if found["changed"]:
        yield from ("", "changed, by relative change")
        yield from table([_CHANGE_HEAD, *map(_change_row, found["changed"])])
    for kind in ("retyped", "reshaped"):
        if found[kind]:
            yield from ("", kind)
            rows = [
                (pair["name"], f"{_side(pair['a'])} → {_side(pair['b'])}") for pair in found[kind]
            ]
            yield from table(rows)
    for kind in ("added", "removed"):
        if found[kind]:
            yield from ("", kind)
            yield from table([(tensor["name"], _side(tensor)) for tensor in found[kind]])
    if found["unread"]:
        yield from ("", "not compared")
        yield from (f"{entry['name']}: {entry['why']}" for entry in found["unread"])


def trajectory_json(trajectory: Trajectory) -> Json:
    """The JSON of `dltui diff FOLDER --json`."""
    found: Json = finite(
        {
            "checkpoints": [
                {"path": str(stop.path), "step": stop.step} for stop in trajectory.stops
            ],
            "tensors": [asdict(way) for way in trajectory.tensors],
            "notes": trajectory.notes,
        }
    )
    return found


def trajectory_lines(found: Json) -> Iterator[str]:
    """Distance from the first checkpoint by tensor and step, in the order of the trajectory; then
    the last step's relative change and the norm."""
    stops = found["checkpoints"]
    chosen = _spread(len(stops), _SHOWN_STOPS)
    yield f"{len(stops):,} checkpoints from {stops[0]['path']} to {stops[-1]['path']}"
    yield from found["notes"]
    yield ""
    yield "distance from the first, relative to its norm"
    steps = [stops[at]["step"] for at in chosen]
    heads = [
        f"@{step}" if step is not None else f"#{at + 1}"
        for at, step in zip(chosen, steps, strict=True)
    ]
    rows = [("name", *heads, "last step", "norm")]
    for way in found["tensors"]:
        distances = [_figure(way["from_first"][at]) for at in chosen]
        rows.append(
            (way["name"], *distances, _figure(way["from_previous"][-1]), _figure(way["norm"][-1]))
        )
    yield from table(rows)


_CHANGE_HEAD = ("name", "max |Δ|", "relative L2", "cosine", "changed", "")


def _change_row(change: Json) -> tuple[str, ...]:
    share = change["changed"] / change["elements"]
    broken = change["non_finite"]
    return (
        change["name"],
        _figure(change["max_abs"]),
        _figure(change["relative_l2"]),
        _figure(change["cosine"], digits=6),
        f"{share:.3g}" if share < 1 else "all",
        f"{broken:,} NaN or infinite in one of the two" if broken else "",
    )


def _figure(value: Any, digits: int = 3) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float | int) else str(value)


def _spread(count: int, most: int) -> list[int]:
    """Indices from the first to the last, evenly, at most so many."""
    if count <= most:
        return list(range(count))
    return [round(at * (count - 1) / (most - 1)) for at in range(most)]


def _ignored(prefixes: Json) -> str:
    sides = (("a", "the first"), ("b", "the second"))
    return " and ".join(
        f"{', '.join(prefixes[side])} of {name}" for side, name in sides if prefixes[side]
    )


def _tensor(tensor: Tensor) -> Json:
    return {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype}


def _pair(pair: Pair) -> Json:
    return {"name": pair.a.name, "a": _tensor(pair.a), "b": _tensor(pair.b)}


def _side(tensor: Json) -> str:
    return f"{tensor['dtype']} {shape_text(tensor['shape'])}"
