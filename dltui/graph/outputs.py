"""Whether a network reads what its task feeds, and gives what its task reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from dltui.graph.scope import fault
from dltui.recipe.nodes import KeyPath
from dltui.recipe.tasks.facts import Interface, Shape

if TYPE_CHECKING:
    from dltui.recipe import Recipe


def check_inputs(recipe: Recipe, interface: Interface | None) -> None:
    """Refuses a network that would not get an input that it names, or not use one that it gets.

    Raises:
        RecipeError: at `inputs`, or at the network where it names none.
    """
    if interface is None or not interface.closed:
        return
    model, fed = recipe.model, [entry.name for entry in interface.inputs]
    who = f"the {next(iter(recipe.models))}"
    for number, name in enumerate(model.inputs):
        if name not in fed:
            message = f"the task {recipe.task.type} feeds {who} with {', '.join(fed)}, not {name}"
            raise fault(recipe, (*model.path, "inputs", number), message)
    if len(fed) > 1 and set(model.inputs) != set(fed):
        path: KeyPath = (*model.path, "inputs") if model.inputs else model.path
        told = f"the task {recipe.task.type} feeds {who} with {' and '.join(fed)}"
        raise fault(recipe, path, f"{told}: write `inputs: [{', '.join(fed)}]` and use them")


def check_output(recipe: Recipe, interface: Interface | None, output: Any) -> None:
    """Refuses a network whose output the task cannot read: RecipeError at its last layer.

    `output` is a tensor, or a map of tensors by name, each with the batch first. A task that wants
    one tensor reads the first of several.
    """
    wanted = interface.output if interface is not None else None
    if wanted is None:
        return
    if not isinstance(wanted, Mapping):
        name, read = next(iter(output.items())) if isinstance(output, Mapping) else ("", output)
        if isinstance(read, Tensor) and not _fits(read, wanted):
            given = f"gives {name} {_open(read.shape[1:])}" if name else ""
            _refuse(recipe, given or f"gives {_open(read.shape[1:])}", f"needs {_open(wanted)}")
        return
    if not isinstance(output, Mapping):
        told = ", ".join(f"{name} {_open(shape)}" for name, shape in wanted.items())
        _refuse(recipe, "has one unnamed output", f"needs `outputs` with the names {told}")
        return
    for name, shape in wanted.items():
        if name not in output:
            known = ", ".join(output)
            _refuse(recipe, f"has the outputs {known}", f"needs {name} {_open(shape)} as well")
        elif not _fits(output[name], shape):
            given = _open(output[name].shape[1:])
            _refuse(recipe, f"gives {name} {given}", f"needs {_open(shape)}")


def _fits(output: Tensor, wanted: Shape) -> bool:
    given = tuple(output.shape[1:])
    if wanted == (1,) and given == ():
        return True
    return len(given) == len(wanted) and all(
        want is None or have == want for have, want in zip(given, wanted, strict=True)
    )


def _refuse(recipe: Recipe, given: str, needed: str) -> None:
    model = recipe.model
    path: KeyPath = model.layers[-1].path if model.layers else model.path
    who = "the model" if tuple(recipe.models) == ("model",) else f"the {next(iter(recipe.models))}"
    raise fault(recipe, path, f"{who} {given}, but the task {recipe.task.type} {needed}")


def _open(shape: Any) -> str:
    """`(N,10)`: the shape with the batch left open, `*` for any size."""
    return f"({','.join(['N', *('*' if size is None else str(size) for size in shape)])})"
