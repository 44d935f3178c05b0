"""Views of a checkpoint that read values: statistics, histogram, raw numbers, as plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dltui.errors import CheckpointError
from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.describe import Ask, Json, tensor_json
from dltui.inspect.findings import value_findings
from dltui.inspect.findings.finding import ORDER
from dltui.inspect.pictures import picture
from dltui.inspect.plain_json import finite, plain
from dltui.inspect.slicing import first_look, parse_slice, part
from dltui.inspect.spectrum import spectrum
from dltui.inspect.statistics import Statistics, statistics
from dltui.inspect.survey import survey
from dltui.inspect.values import Values

_SIDE = 64
"""Pixels of a matrix in each direction at most: what a wide terminal shows."""


def stats(checkpoint: Checkpoint, ask: Ask) -> list[Json]:
    """Of each tensor its entry in the list with `statistics`, or `unread` and why."""
    read = measured(checkpoint, ask)
    return [_with_statistics(tensor_json(tensor), *read) for tensor in _asked(ask)]


def histogram(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{name, shape, dtype, low, high, counts, …}` of one tensor: bars of equal width."""
    assert ask.tensor is not None
    with Values(checkpoint) as values:
        found = statistics(values, ask.tensor)
    return {
        **_head(ask.tensor),
        "low": found.histogram.low,
        "high": found.histogram.high,
        "counts": list(found.histogram.counts),
        "nan": found.nan,
        "infinite": found.infinite,
        "percentiles": {f"{percent:g}": value for percent, value in found.percentiles.items()},
    }


def tensor_values(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{name, shape, dtype, slice, values}`: a part of one tensor, or its first corner."""
    tensor = ask.tensor
    assert tensor is not None
    indices = first_look(tensor.shape) if ask.part is None else parse_slice(ask.part, tensor.shape)
    with Values(checkpoint) as values:
        found = part(values, tensor, indices)
    shown = [index if isinstance(index, int) else _range_text(index) for index in indices]
    return {
        **_head(tensor),
        "slice": ", ".join(map(str, shown)),
        "values": plain(_complex_as_pairs(found.tolist())),
    }


def spectrum_view(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{name, shape, dtype, rows, columns, singular_values, effective_rank, stable_rank, alpha, …}`
    of one matrix, computed by a child process."""
    assert ask.tensor is not None
    found = spectrum(checkpoint.path, ask.tensor.name)
    assert found is not None
    return _head(ask.tensor) | found.as_json()


def picture_view(checkpoint: Checkpoint, ask: Ask) -> Json:
    """`{name, shape, dtype, title, captions, columns, limit, images}`: pixels from 0 to 255, of
    which 128 is zero; three a pixel where a filter has colours."""
    assert ask.tensor is not None
    with Values(checkpoint) as values:
        found = picture(values, ask.tensor, side=_SIDE)
    return {
        **_head(ask.tensor),
        "title": found.title,
        "captions": list(found.captions),
        "columns": found.columns,
        "limit": found.limit,
        "images": [image.tolist() for image in found.images],
    }


def measured(checkpoint: Checkpoint, ask: Ask) -> tuple[dict[str, Statistics], dict[str, str]]:
    """Statistics by name of all tensors asked for, and why those that are missing are."""
    asked = _asked(ask)
    unread = {t.name: "the file has no values for it" for t in asked if t.place is None}
    found: dict[str, Statistics] = {}
    for tensor, each in survey(checkpoint, asked, on_progress=ask.on_progress):
        if isinstance(each, CheckpointError):
            unread[tensor.name] = each.message
        else:
            found[tensor.name] = each
    return found, unread


def add_values(checkpoint: Checkpoint, ask: Ask, described: Json) -> Json:
    """What `describe` says of the names, with the findings from all values, and, where they are
    asked for, the statistics of each tensor that is listed."""
    found, unread = measured(checkpoint, replace(ask, tensor=None, tensors=checkpoint.tensors))
    of_values = [finding.as_json() for finding in value_findings(checkpoint, found)]
    findings = sorted([*described["findings"], *of_values], key=_severity)
    added = described | {"checked": "values", "findings": finite(findings)}
    if ask.stats:
        added["tensors"] = [
            finite(_with_statistics(entry, found, unread)) for entry in described["tensors"]
        ]
    return added


def _severity(finding: Json) -> int:
    return ORDER.index(finding["severity"])


def _with_statistics(entry: Json, found: dict[str, Statistics], unread: dict[str, str]) -> Json:
    name = entry["name"]
    if name in found:
        return entry | {"statistics": found[name].as_json()}
    return entry | {"unread": unread[name]}


def _asked(ask: Ask) -> tuple[Tensor, ...]:
    return ask.tensors if ask.tensor is None else (ask.tensor,)


def _head(tensor: Tensor) -> Json:
    return {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}


def _range_text(index: slice) -> str:
    step = f":{index.step}" if index.step not in (None, 1) else ""
    return f"{index.start}:{index.stop}{step}"


def _complex_as_pairs(value: Any) -> Any:
    """JSON has no complex numbers: `[real, imaginary]`."""
    if isinstance(value, list):
        return [_complex_as_pairs(item) for item in value]
    return [value.real, value.imag] if isinstance(value, complex) else value
