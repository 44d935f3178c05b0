"""What the optimizer's state says: parameters that no gradient reaches, steps that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding, counted, listed
from dltui.inspect.roles import is_buffer

_SUMS = frozenset(
    {
        *("exp_avg_sq", "exp_avg", "momentum_buffer", "square_avg", "sum", "exp_inf", "acc_delta"),
        *("exp_avg_sq_row", "state1", "state2", "momentum", "velocity"),
    }
)
"""Slots that a gradient other than zero makes other than zero."""
_SECOND = frozenset({"exp_avg_sq", "square_avg", "sum", "state2", "velocity"})
ZERO_SHARE = 0.5
_TABLES = ("embed", "embd", "token", "word", "vocab", "wte", "wpe")
"""Words of a vocabulary that do not occur have no gradient."""


def never_updated(evidence: Evidence) -> Iterator[Finding]:
    """The optimizer has a state for a parameter, and all of it is 0: no gradient has reached it."""
    states: dict[str, list[bool]] = {}
    for slot in evidence.slots:
        found = evidence.seen(slot.tensor)
        if found is not None and slot.slot in _SUMS:
            name = slot.parameter or slot.tensor.name
            states.setdefault(name, []).append(found.zeros == found.count)
    still = [name for name, zero in states.items() if all(zero)]
    for name in still:
        yield Finding(
            "never_updated",
            "warning",
            name,
            "its optimizer state is all 0: no gradient has reached it",
            {"slots": float(len(states[name]))},
        )


def zero_second_moments(evidence: Evidence) -> Iterator[Finding]:
    """Most second moments of a parameter are exactly 0: most of it never had a gradient."""
    for slot in evidence.slots:
        found = evidence.seen(slot.tensor)
        name = slot.parameter or slot.tensor.name
        if found is None or slot.slot not in _SECOND or found.zeros == found.count:
            continue
        if found.sparsity > ZERO_SHARE and not any(word in name.lower() for word in _TABLES):
            yield Finding(
                "zero_second_moments",
                "note",
                name,
                f"{found.sparsity:.0%} of its second moments are 0: so much of it never had a "
                "gradient",
                {"share": found.sparsity},
            )


def step_counts(evidence: Evidence) -> Iterator[Finding]:
    """Parameters of one optimizer that have taken fewer steps than the others, or none."""
    by_optimizer: dict[str, dict[str, float]] = {}
    for slot in evidence.slots:
        found = evidence.seen(slot.tensor)
        if found is not None and slot.slot == "step" and found.count == 1:
            prefix = slot.tensor.name.rpartition("state.")[0]
            steps = by_optimizer.setdefault(prefix, {})
            steps[slot.parameter or slot.tensor.name] = found.max
    for steps in by_optimizer.values():
        usual, _ = Counter(steps.values()).most_common(1)[0]
        others = [name for name, step in steps.items() if step != usual]
        if others:
            text = sorted({int(steps[name]) for name in others})
            yield Finding(
                "step_counts",
                "note",
                others[0],
                f"{counted(len(others), 'parameter')} took "
                f"{', '.join(f'{step:,}' for step in text[:3])} steps, the others {usual:,.0f}: "
                f"{listed(others)}",
                {"parameters": float(len(others)), "usual": usual},
            )
        elif usual == 0:
            yield Finding(
                "step_counts", "warning", next(iter(steps)), "the optimizer has taken no step"
            )


def average_equals_model(evidence: Evidence) -> Iterator[Finding]:
    """The moving average is the model itself: it is not updated, or training has not begun."""
    pairs = [
        (a, b)
        for tensor, average in evidence.pairs
        if (a := evidence.seen(tensor)) is not None and (b := evidence.seen(average)) is not None
    ]
    if len(pairs) < 2 or len(pairs) < len(evidence.pairs):
        return
    same = [(a.min, a.max, a.mean, a.std) == (b.min, b.max, b.mean, b.std) for a, b in pairs]
    if all(same):
        yield Finding(
            "average_equals_model",
            "note",
            evidence.pairs[0][1].name,
            f"the moving average of all {len(same):,} weights equals the model",
            {"weights": float(len(same))},
        )
    elif any(same):
        names = [
            tensor.name
            for (tensor, _), equal in zip(evidence.pairs, same, strict=True)
            if equal and tensor.elements > 1
        ]
        if names:
            yield Finding(
                "never_updated",
                "note",
                names[0],
                f"{counted(len(names), 'weight')} equal to the moving average, so not moving: "
                f"{listed(names)}",
                {"weights": float(len(names))},
            )


def no_optimizer_state(evidence: Evidence) -> Iterator[Finding]:
    """Parameters of the model without optimizer state, where others have one."""
    known = {slot.parameter for slot in evidence.slots}
    if not known or None in known:
        return
    model = next(part for part in evidence.parts if part.kind in ("model", "ema"))
    mine = [
        tensor.name
        for tensor in evidence.weights
        if tensor.name.startswith(model.prefix) and not is_buffer(tensor)
    ]
    own = {tensor.name for tensor in model.tensors}
    without = [name for name in mine if name in own and name not in known]
    if without:
        yield Finding(
            "no_optimizer_state",
            "note",
            without[0],
            f"{counted(len(without), 'parameter')} of {len(mine):,} without optimizer state "
            f"(frozen, or never used): {listed(without)}",
            {"parameters": float(len(without))},
        )
