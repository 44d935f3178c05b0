"""Where the first NaN or infinity of a step comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dltui.worker.probes.layers import layers_with_parameters, named_modules, original

Culprit = tuple[str, Literal["output", "weight", "gradient"]]
INPUT = "input"
"""Stands for the layer where the model is already given NaN or infinity."""


def locate_nonfinite(model: nn.Module, run_forward_backward: Callable[[], None]) -> Culprit | None:
    """Runs one forward and backward pass again and names the first layer that breaks.

    Forward, the first innermost module in the order of execution whose output holds NaN or
    infinity: `(name, "output")`, or `("input", "output")` where the model was given such values.
    Where its own parameters do already, an earlier update broke them and those of all layers
    before it, as the gradient runs backwards: `(name, "weight")` of the last one that has such.
    Where the forward pass is sound, the first layer of the backward pass whose parameters got such
    a gradient: `(name, "gradient")`.
    None where neither shows it (for example in the loss itself).

    `run_forward_backward` must call the model uncompiled. Gradients, buffers and the state of the
    random generators are as before afterwards; the pass itself is the caller's.
    """
    model = original(model)
    order: list[str] = []
    broken: list[Culprit] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if name not in order:
                order.append(name)
            if not broken and not all_finite(_tensors(output)):
                first = len(order) == 1
                broken.append(_blame(name, module, given=_tensors(args) if first else ()))

        return hook

    handles = [
        module.register_forward_hook(watch(name))
        for name, module in named_modules(model)
        if _is_innermost(module)
    ]
    try:
        with _restored(model):
            run_forward_backward()
            if not broken:
                return _broken_gradient(model, order)
            kind = broken[0][1]
            return (_last_broken(model, order), kind) if kind == "weight" else broken[0]
    finally:
        for handle in handles:
            handle.remove()


def all_finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(t.detach()).all()) for t in tensors if t.is_floating_point())


def _blame(name: str, module: nn.Module, given: Iterable[Tensor]) -> Culprit:
    if not all_finite(module.parameters(recurse=False)):
        return name, "weight"
    return (name, "output") if all_finite(given) else (INPUT, "output")


def _broken_gradient(model: nn.Module, order: list[str]) -> Culprit | None:
    place = {name: i for i, name in enumerate(order)}
    layers = layers_with_parameters(model)
    for layer in sorted(layers, key=lambda layer: -place.get(layer.name, -1)):
        gradients = (p.grad for _, p in layer.parameters if p.grad is not None)
        if not all_finite(g.coalesce().values() if g.is_sparse else g for g in gradients):
            return layer.name, "gradient"
    return None


def _last_broken(model: nn.Module, order: list[str]) -> str:
    """The last layer in the order of execution whose parameters hold NaN or infinity."""
    modules = dict(named_modules(model))
    return next(
        name for name in reversed(order) if not all_finite(modules[name].parameters(recurse=False))
    )


def _is_innermost(module: nn.Module) -> bool:
    return not any(True for _ in module.children()) or any(
        True for _ in module.parameters(recurse=False)
    )


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for inner in value.values() for t in _tensors(inner)]
    if isinstance(value, tuple | list):
        return [t for inner in value for t in _tensors(inner)]
    return []


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    gradients = [(p, p.grad) for p in model.parameters()]
    buffers = [(b, b.detach().clone()) for b in model.buffers()]
    devices = {p.device for p, _ in gradients if p.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        for parameter, _ in gradients:
            parameter.grad = None
        try:
            yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            with torch.no_grad():
                for buffer, saved in buffers:
                    buffer.copy_(saved)
