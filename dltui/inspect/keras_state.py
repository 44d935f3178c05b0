"""Keras's optimizer state: numbered variables in `.keras` files, named ones in `.h5` files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.parts import Part
from dltui.inspect.roles import is_buffer, natural_key

KERAS_SLOTS = {0: (), 1: ("momentum",), 2: ("momentum", "velocity"), 3: ("m", "v", "v_hat")}
"""What stands for each parameter, by how many: SGD, Adam and its relatives, AMSGrad."""
_BEFORE = ("iteration", "learning_rate")


def keras_slots(
    checkpoint: Checkpoint, part: Part, model: Part | None
) -> Mapping[str, tuple[str | None, str]]:
    """Parameter and slot by the name of the optimizer's tensor; empty where it is not Keras's."""
    if not checkpoint.format.startswith(("Keras", "HDF5")) or not part.tensors:
        return {}
    if any(part.local_name(tensor).startswith("vars.") for tensor in part.tensors):
        return _numbered(checkpoint, part, model)
    return _named(part, model)


def _numbered(
    checkpoint: Checkpoint, part: Part, model: Part | None
) -> Mapping[str, tuple[str | None, str]]:
    """`vars.0` and `vars.1` are iteration and learning rate; then so many variables for each
    parameter, in the order of the layers."""
    tensors = sorted(part.tensors, key=lambda tensor: natural_key(tensor.name))
    found: dict[str, tuple[str | None, str]] = {
        tensor.name: (None, slot) for tensor, slot in zip(tensors, _BEFORE, strict=False)
    }
    state = tensors[len(_BEFORE) :]
    parameters = _in_layer_order(checkpoint, model) if model is not None else []
    each = len(state) // len(parameters) if parameters else 0
    slots = KERAS_SLOTS.get(each, ())
    fits = len(state) == each * len(parameters) and all(
        tensor.shape == parameters[number // each].shape for number, tensor in enumerate(state)
    )
    for number, tensor in enumerate(state):
        if slots and fits:
            found[tensor.name] = parameters[number // each].name, slots[number % each]
        else:
            found[tensor.name] = None, tensor.name.rpartition(".")[2]
    return found


def _in_layer_order(checkpoint: Checkpoint, model: Part) -> Sequence[Tensor]:
    """The trained variables as the model lists its layers; the file has them by name."""
    order = {path: number for number, path in enumerate(checkpoint.modules)}

    def place(tensor: Tensor) -> tuple[int, tuple[tuple[str, int], ...]]:
        layer = tensor.name.rpartition(".vars.")[0]
        return order.get(layer, len(order)), natural_key(tensor.name)

    return sorted((tensor for tensor in model.tensors if not is_buffer(tensor)), key=place)


def _named(part: Part, model: Part | None) -> Mapping[str, tuple[str | None, str]]:
    """`adam.inner_one_kernel_velocity` belongs to `inner.inner.one.kernel`: layer, then path."""
    known = {}
    for tensor in model.tensors if model is not None else ():
        path = model.local_name(tensor).split(".") if model is not None else []
        known["_".join(path[1:])] = tensor.name
    found: dict[str, tuple[str | None, str]] = {}
    for tensor in part.tensors:
        name = tensor.name.rpartition(".")[2]
        before, _, slot = name.rpartition("_")
        found[tensor.name] = (None, name) if name in _BEFORE else (known.get(before), slot)
    return found
