"""Which parts of a model are measured, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

ROOT = "model"
"""The name of the model itself, where a parameter or the output belongs to no inner module."""

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Threshold)
"""A unit that never rises above zero passes (nearly) no gradient: it is dead."""
SQUASHERS: dict[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-1.0, 1.0),
    nn.Hardtanh: (-1.0, 1.0),
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
}
"""The limits at which these saturate."""
_OTHERS = (
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.Softplus,
    nn.Softsign,
    nn.LogSigmoid,
    nn.Softshrink,
    nn.Hardshrink,
    nn.Tanhshrink,
    nn.GLU,
)
ACTIVATIONS: tuple[type[nn.Module], ...] = (*RECTIFIERS, *SQUASHERS, *_OTHERS)


@dataclass(frozen=True, slots=True)
class Layer:
    """A module with parameters of its own; `parameters` are their full names."""

    name: str
    module: nn.Module
    parameters: tuple[tuple[str, nn.Parameter], ...]

    @property
    def frozen(self) -> bool:
        return not any(parameter.requires_grad for _, parameter in self.parameters)


def original(model: nn.Module) -> nn.Module:
    """The module inside `torch.compile` and `DistributedDataParallel` wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def is_compiled(model: nn.Module) -> bool:
    """Whether calls of `model` run compiled code, which module hooks do not see."""
    return hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None) is not None


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in model.named_modules():
        yield name or ROOT, module


def layers_with_parameters(model: nn.Module) -> list[Layer]:
    """Every module with floating-point parameters of its own.

    A shared (tied) parameter is counted once, in the layer that comes first.
    """
    seen: set[int] = set()
    layers = []
    for name, module in named_modules(model):
        own = []
        for key, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen or not parameter.is_floating_point():
                continue
            seen.add(id(parameter))
            own.append((key if name == ROOT else f"{name}.{key}", parameter))
        if own:
            layers.append(Layer(name, module, tuple(own)))
    return layers


def observed_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Activation modules; in a model that has none, its layers with parameters."""
    found = [(name, module) for name, module in named_modules(model) if _is_activation(module)]
    if found:
        return found
    return [(layer.name, layer.module) for layer in layers_with_parameters(model)]


def _is_activation(module: nn.Module) -> bool:
    return isinstance(module, ACTIVATIONS)
