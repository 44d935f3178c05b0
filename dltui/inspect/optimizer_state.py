"""The optimizer's state, each tensor beside the parameter that it belongs to.

torch names no parameter in `state`: it counts them over all groups, in the order in which they were
given. Which parameter a number means is found by the order and the shapes; where more than one
answer fits, none is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dltui.inspect.contents import BITS, Checkpoint, Tensor
from dltui.inspect.keras_state import keras_slots
from dltui.inspect.nested import at
from dltui.inspect.parts import Part, parts
from dltui.inspect.roles import is_buffer
from dltui.records import record

Shape = tuple[int, ...]


@record
class OptimizerSlot:
    """One tensor that an optimizer keeps for one parameter."""

    parameter: str | None
    """The parameter's full name in the checkpoint; None where it cannot be told."""
    slot: str
    """As the optimizer calls it: `exp_avg`."""
    tensor: Tensor


def optimizer_slots(checkpoint: Checkpoint) -> tuple[OptimizerSlot, ...]:
    """All tensors of all optimizers, in the file's order."""
    found = parts(checkpoint)
    models = [part for part in found if part.kind in ("model", "ema")]
    return tuple(
        slot
        for part in found
        if part.kind == "optimizer"
        for slot in _slots(checkpoint, part, models[0] if models else None)
    )


def _slots(checkpoint: Checkpoint, part: Part, model: Part | None) -> Iterator[OptimizerSlot]:
    keras = keras_slots(checkpoint, part, model)
    if keras:
        yield from (OptimizerSlot(*keras[tensor.name], tensor) for tensor in part.tensors)
        return
    entries = [(tensor, *_key_and_slot(part.local_name(tensor))) for tensor in part.tensors]
    named = _by_name(model)
    numbers = _by_order(checkpoint, part, model, entries)
    for tensor, key, slot in entries:
        yield OptimizerSlot(named.get(bare(key)) or numbers.get(key), slot, tensor)


def _key_and_slot(name: str) -> tuple[str, str]:
    """`state.3.exp_avg` → 3 and exp_avg; `state.layer1.weight.step` → layer1.weight and step."""
    name = name.removeprefix("state.")
    key, _, slot = name.rpartition(".")
    return key, slot


def bare(name: str) -> str:
    """A name without what wrappers put into it anywhere."""
    if "mod" not in name:
        return name
    return ".".join(
        step
        for step in name.split(".")
        if step not in ("module", "_orig_mod", "_fsdp_wrapped_module")
    )


def _by_name(model: Part | None) -> dict[str, str]:
    """Full names of the model's tensors by the names that an optimizer may use for them."""
    if model is None:
        return {}
    full = {bare(tensor.name): tensor.name for tensor in model.tensors}
    if not model.prefix:
        return full
    local = {bare(model.local_name(tensor)): tensor.name for tensor in model.tensors}
    return {**full, **local}


def trained(model: Part) -> tuple[Tensor, ...]:
    """The model's tensors as `parameters()` gives them: no buffers, each storage at its first
    name."""
    seen: set[str] = set()
    found = []
    for tensor in model.tensors:
        if is_buffer(tensor) or (tensor.storage and tensor.storage in seen):
            continue
        if tensor.dtype in BITS and not tensor.dtype.startswith(("float", "bfloat", "complex")):
            continue
        if tensor.storage:
            seen.add(tensor.storage)
        found.append(tensor)
    return tuple(found)


def _by_order(
    checkpoint: Checkpoint,
    part: Part,
    model: Part | None,
    entries: list[tuple[Tensor, str, str]],
) -> dict[str, str]:
    """Full names by the numbers that torch gives to parameters; empty where no order fits."""
    if model is None:
        return {}
    shapes: dict[int, Shape] = {}
    for tensor, key, slot in entries:
        if key.isdecimal() and len(key) < 10 and slot != "step" and tensor.shape:
            shapes.setdefault(int(key), tensor.shape)
    if not shapes:
        return {}
    groups = _groups(at(checkpoint.metadata, part.prefix)) or [list(range(max(shapes) + 1))]
    asked = [[shapes.get(number) for number in group] for group in groups]
    found = matched(asked, [(tensor.name, tensor.shape) for tensor in trained(model)])
    if found is None:
        return {}
    return {
        str(number): name
        for group, names in zip(groups, found, strict=True)
        for number, name in zip(group, names, strict=True)
    }


def _groups(state: Any) -> list[list[int]]:
    """The numbers of the parameters of each group."""
    groups = state.get("param_groups") if isinstance(state, dict) else None
    if not isinstance(groups, list | tuple):
        return []
    numbers = [group.get("params") if isinstance(group, dict) else None for group in groups]
    if not all(isinstance(each, list | tuple) for each in numbers):
        return []
    found = [[n for n in each if isinstance(n, int)] for each in numbers if each is not None]
    return found if any(found) else []


def matched(
    asked: Sequence[Sequence[Shape | None]], parameters: Sequence[tuple[str, Shape]]
) -> list[list[str]] | None:
    """The parameters of each group, by the shapes of their state (None where one has no state).

    Tried in turn: all in order; by rank (weights decay, biases and norms do not: GPT-2's recipe);
    norms and biases apart by name; the only way to deal them out to the groups that keeps their
    order. Where some were frozen: the only run of neighbours that fits (a head over a frozen body;
    of very many the last run alone is tried), else the only choice that keeps the order. None if
    none fits.
    """
    total = sum(len(group) for group in asked)
    if total == len(parameters):
        return _dealt(asked, parameters)
    places = range(len(parameters) - total + 1)
    if len(places) * total > _MOST_LOOKED_AT:
        places = places[-1:]
    found = [
        names
        for begin in places
        if (names := _dealt(asked, parameters[begin : begin + total])) is not None
    ]
    if len(found) == 1:
        return found[0]
    return _only_choice(asked[0], parameters) if len(asked) == 1 and not found else None


def _dealt(
    asked: Sequence[Sequence[Shape | None]], parameters: Sequence[tuple[str, Shape]]
) -> list[list[str]] | None:
    """As many parameters as are asked for, dealt out to the groups."""
    wanted = Counter(shape for group in asked for shape in group)
    if None not in wanted and wanted != Counter(shape for _, shape in parameters):
        return None
    for rule in _SPLITS:
        names = _split(asked, parameters, rule)
        if names is not None:
            return names
    return _only_deal(asked, parameters)


def _fits(shape: Shape | None, real: Shape) -> bool:
    return shape is None or shape == real


Rule = Callable[[str, Shape], bool]
_SPLITS: tuple[Rule | None, ...] = (
    None,
    lambda name, shape: len(shape) >= 2,
    lambda name, shape: not name.endswith("bias"),
    lambda name, shape: not name.endswith("bias") and "norm" not in name.lower(),
)


def _split(
    asked: Sequence[Sequence[Shape | None]],
    parameters: Sequence[tuple[str, Shape]],
    rule: Rule | None,
) -> list[list[str]] | None:
    """All parameters dealt out to the groups in order, those that obey the rule first or last."""
    if rule is None:
        orders = [list(parameters)]
    else:
        yes = [each for each in parameters if rule(*each)]
        no = [each for each in parameters if not rule(*each)]
        orders = [yes + no, no + yes]
    for order in orders:
        dealt, begin, good = [], 0, True
        for group in asked:
            mine = order[begin : begin + len(group)]
            good &= all(_fits(shape, real) for shape, (_, real) in zip(group, mine, strict=True))
            dealt.append([name for name, _ in mine])
            begin += len(group)
        if good:
            return dealt
    return None


def _only_deal(
    asked: Sequence[Sequence[Shape | None]], parameters: Sequence[tuple[str, Shape]]
) -> list[list[str]] | None:
    """The one way to deal the parameters out in order, each to the group that asks for its shape
    next; None where there are several, or too many to look at."""
    start = (0,) * len(asked)
    # How far each group is → the number of ways to get there (2 for many), and the last of them.
    ways: dict[tuple[int, ...], tuple[int, _Trail]] = {start: (1, None)}
    for _, shape in parameters:
        following: dict[tuple[int, ...], tuple[int, _Trail]] = {}
        for places, (count, trail) in ways.items():
            for group, place in enumerate(places):
                if place < len(asked[group]) and _fits(asked[group][place], shape):
                    key = (*places[:group], place + 1, *places[group + 1 :])
                    before = following.get(key, (0, None))[0]
                    following[key] = (min(count + before, 2), (trail, group))
        if len(following) > _MOST_WAYS:
            return None
        ways = following
    count, trail = ways.get(tuple(len(group) for group in asked), (0, None))
    if count != 1:
        return None
    dealt: list[list[str]] = [[] for _ in asked]
    for name, _ in reversed(parameters):
        assert trail is not None
        trail, group = trail
        dealt[group].insert(0, name)
    return dealt


_Trail = tuple[Any, int] | None
"""What came before, and the group that the parameter went to."""
_MOST_WAYS = 1000
_MOST_LOOKED_AT = 2_000_000


def _only_choice(
    asked: Sequence[Shape | None], parameters: Sequence[tuple[str, Shape]]
) -> list[list[str]] | None:
    """The one way to find the shapes in this order with gaps, if there is one only."""
    if any(shape is None for shape in asked):
        return None
    first = _greedy(asked, parameters)
    last = _greedy(asked[::-1], parameters[::-1])
    return [first] if first is not None and last is not None and first == last[::-1] else None


def _greedy(
    asked: Sequence[Shape | None], parameters: Sequence[tuple[str, Shape]]
) -> list[str] | None:
    rest = iter(parameters)
    found = []
    for shape in asked:
        name = next((name for name, real in rest if real == shape), None)
        if name is None:
            return None
        found.append(name)
    return found
