"""What a network made of an example, in words: its answer, its example, names of its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dltui.inspect.visible import visible

Found = Mapping[str, Any]
"""What the helper process answers, as `dltui.launch.looking.look` describes it."""


def answer_words(found: Found) -> str:
    """What the network says of the example, and what it is."""
    prediction = found.get("prediction")
    if not isinstance(prediction, list) or not prediction:
        return f"{len(found['layers']):,} layers"
    said = " · ".join(f"{_class(each)} {each['probability']:.1%}" for each in prediction)
    target = _target(found)
    if target is None:
        return f"taken for {said}"
    true = next((_class(each) for each in prediction if each["class"] == target), str(target))
    verdict = "rightly" if prediction[0]["class"] == target else "wrongly"
    return f"it is {true}, {verdict} taken for {said}"


def _target(found: Found) -> int | None:
    example = found.get("example")
    target = example.get("target") if isinstance(example, Mapping) else None
    return target if isinstance(target, int) else None


def _class(each: Mapping[str, Any]) -> str:
    return visible(str(each["class"] if each.get("name") is None else each["name"]), 40)


def example_text(found: Found) -> str:
    """What the example reads, where it is text: line breaks written out."""
    example = found.get("example")
    text = example.get("text") if isinstance(example, Mapping) else None
    return visible(text.strip(), 400) if isinstance(text, str) else ""


def picture_captions(pictures: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The kind of each picture; of attention the layer, as far as it tells it apart, and head."""
    layers = list(dict.fromkeys(str(p["layer"]) for p in pictures if p["kind"] == "attention"))
    short = dict(zip(layers, _told_apart(layers), strict=True))
    return tuple(
        f"{visible(short[str(p['layer'])], 30)} head {p.get('head')}"
        if p["kind"] == "attention"
        else str(p["kind"]).replace("_", "-")
        for p in pictures
    )


def _told_apart(names: Sequence[str]) -> list[str]:
    """Dotted names without the steps that all of them begin and end with."""
    steps = [name.split(".") for name in names]
    shortest = min(map(len, steps), default=0)
    first = next((n for n in range(shortest) if len({step[n] for step in steps}) > 1), 0)
    kept = [n for n in range(1, shortest + 1) if len({step[len(step) - n] for step in steps}) > 1]
    last = kept[0] - 1 if kept else 0
    return [".".join(step[first : len(step) - last]) for step in steps]


def picture_columns(pictures: Sequence[Mapping[str, Any]], *, is_wide: bool) -> int:
    """Pictures in a row: the heads of a layer, few others beside or below each other."""
    attention = [p for p in pictures if p["kind"] == "attention"]
    if attention and len(attention) == len(pictures):
        first = [p for p in attention if p.get("layer") == attention[0].get("layer")]
        return len(first)
    return max(1, len(pictures)) if is_wide and len(pictures) <= 4 else 1
