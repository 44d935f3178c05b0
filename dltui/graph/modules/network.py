"""The containers of a compiled model: one nested module per block, group and residual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Step:
    """Runs `module` on the values in `slots`; its `outputs` values become the next slots.

    Slots count the container's inputs first and then the outputs of its steps in order.
    """

    label: str
    module: nn.Module
    slots: tuple[int, ...]
    outputs: int = 1
    shared: bool = False
    """True where the module belongs to another place (`use`), which saves its weights."""


class Layers(nn.Module):
    """Runs its steps in order: tensors in; one tensor, or a tuple where more are needed, out.

    A value is let go after its last use, so that evaluation keeps no more than it needs.
    """

    def __init__(self) -> None:
        super().__init__()
        # A plain dict, so that shared modules are saved and counted at their own place only.
        self.shared: dict[str, nn.Module] = {}
        self.labels: tuple[str, ...] = ()
        self.outputs: tuple[int, ...] = ()
        self.plan: tuple[tuple[str, bool, tuple[int, ...], int, tuple[int, ...]], ...] = ()

    def configure(self, steps: Sequence[Step], inputs: int, outputs: tuple[int, ...]) -> None:
        """Sets what runs; modules already here under their label stay."""
        for step in steps:
            if step.shared:
                self.shared[step.label] = step.module
            else:
                self.add_module(step.label, step.module)
        self.labels = tuple(step.label for step in steps)
        self.outputs = outputs
        self.plan = tuple(
            (step.label, step.shared, step.slots, step.outputs, dead)
            for step, dead in zip(steps, _last_uses(steps, inputs, outputs), strict=True)
        )

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs for the container's inputs."""
        values: list[Any] = list(inputs)
        for label, shared, slots, outputs, dead in self.plan:
            module = self.shared[label] if shared else getattr(self, label)
            result = module(*[values[slot] for slot in slots])
            values.extend(result[:outputs] if isinstance(result, tuple) else (result,))
            for slot in dead:
                values[slot] = None
        return [values[slot] for slot in self.outputs]

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        results = self.run(inputs)
        return tuple(results) if len(results) > 1 else results[0]


class Network(Layers):
    """A whole model: a tensor, or a map of the named inputs, to a tensor or a map of outputs.

    A map may hold more than the model names; one without named inputs takes the first entry.
    """

    def __init__(self, input_names: tuple[str, ...], output_names: tuple[str, ...]):
        super().__init__()
        self.input_names = input_names
        self.output_names = output_names
        self.variables: Mapping[str, Any] = {}
        """What `$(…)` may name in the recipe's model: facts of the data and `params`."""

    def forward(  # type: ignore[override]
        self, inputs: Tensor | Mapping[str, Tensor], *more: Tensor
    ) -> Tensor | dict[str, Tensor]:
        tensors = (
            (inputs, *more)
            if isinstance(inputs, Tensor)
            else [inputs[name] for name in self.input_names or (next(iter(inputs)),)]
        )
        results = self.run(tensors)
        if not self.output_names:
            return results[0]
        return dict(zip(self.output_names, results, strict=True))


def _last_uses(
    steps: Sequence[Step], inputs: int, outputs: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """For every step the slots that nothing after it reads."""
    last: dict[int, int] = {}
    made = inputs
    for number, step in enumerate(steps):
        last.update(dict.fromkeys(step.slots, number))
        last.update(dict.fromkeys(range(made, made + step.outputs), number))
        made += step.outputs
    dead: list[tuple[int, ...]] = [()] * len(steps)
    for slot, number in last.items():
        if slot not in outputs:
            dead[number] = (*dead[number], slot)
    return dead
