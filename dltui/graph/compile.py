"""A recipe's model as an `nn.Module`, and as a table of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.graph.assemble import TRACE_BATCH, Assembled, assemble, materialise
from dltui.graph.building import shape_text
from dltui.graph.initialise import initialise
from dltui.graph.leaves import Traced
from dltui.graph.plugins import load_plugins
from dltui.graph.pretrained import pretrained_model
from dltui.graph.registries import is_detector
from dltui.graph.scope import fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import KeyPath

if TYPE_CHECKING:
    from dltui.recipe import Recipe

Shapes = list[int] | list[list[int]]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One leaf layer: its dotted name, kind, shapes without the batch, and parameter count.

    `input` is a list of shapes where the layer takes more than one.
    """

    name: str
    type: str
    input: Shapes
    output: list[int]
    parameters: int


def compile_model(recipe: Recipe, info: DataInfo) -> nn.Module:
    """The model with real weights on the CPU; the caller seeds torch before.

    It takes a tensor `(N, *info.shape)`, or a map of the recipe's named inputs, and gives a tensor
    or a map of its named outputs.

    Raises:
        RecipeError: something in the model does not fit, at its own line.
        PluginError: a plugin is not trusted or fails.
    """
    load_plugins(recipe)
    if recipe.model.pretrained is not None:
        _table_of_pretrained(recipe, info)
        model = pretrained_model(recipe, info, meta=False)
    else:
        assembled = assemble(recipe, info)
        _check_output(recipe, info, assembled.output)
        model = materialise(assembled)
    initialise(model, recipe)
    return model


def shape_table(recipe: Recipe, info: DataInfo) -> list[LayerRow]:
    """Every leaf layer in the order it runs, computed without memory for weights or data.

    Raises:
        RecipeError: something in the model does not fit, at its own line.
        PluginError: a plugin is not trusted or fails.
    """
    load_plugins(recipe)
    if recipe.model.pretrained is not None:
        rows = _table_of_pretrained(recipe, info)
    else:
        assembled = assemble(recipe, info)
        _check_output(recipe, info, assembled.output)
        initialise(assembled.network, recipe)
        rows = _table_of_layers(assembled)
    return rows


def _table_of_layers(assembled: Assembled) -> list[LayerRow]:
    places = {module: name for name, module in assembled.network.named_modules()}

    def row(traced: Traced) -> LayerRow:
        owner = places[traced.frame.module]
        label = traced.frame.labels()[traced.step]
        inputs: list[list[int]] = [list(shape[1:]) for shape in traced.inputs]
        own = 0 if traced.shared else _size(traced.module)
        return LayerRow(
            f"{owner}.{label}" if owner else label,
            traced.kind,
            inputs[0] if len(inputs) == 1 else inputs,
            list(traced.output[1:]),
            own,
        )

    return [row(traced) for traced in assembled.traced]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _table_of_pretrained(recipe: Recipe, info: DataInfo) -> list[LayerRow]:
    model = pretrained_model(recipe, info, meta=True)
    source = recipe.model.pretrained
    assert source is not None
    if is_detector(model):
        initialise(model, recipe)
        return _rows_without_shapes(model)
    rows: list[LayerRow] = []

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            if isinstance(output, Tensor) and inputs:
                rows.append(
                    LayerRow(
                        name,
                        type(module).__name__,
                        list(inputs[0].shape[1:]),
                        list(output.shape[1:]),
                        _size(module),
                    )
                )

        return hook

    for name, module in model.named_modules():
        if not any(module.children()):
            module.register_forward_hook(note(name))
    dtype = torch.float32 if info.dtype == "float32" else torch.int64
    example = torch.empty(TRACE_BATCH, *info.shape, dtype=dtype, device="meta")
    _check_channels(recipe, info, model)
    try:
        with torch.no_grad():
            output = model(example)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        message = f"{source.source} cannot take {shape_text(example)}: {reason}"
        raise fault(recipe, (*source.path, "from"), message) from error
    _check_output(recipe, info, output)
    initialise(model, recipe)
    return rows


def _check_channels(recipe: Recipe, info: DataInfo, model: nn.Module) -> None:
    """Refuses images of other channels than a ready-made network was made for."""
    source = recipe.model.pretrained
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if source is None or first is None or (first.in_channels,) == info.shape[:-2]:
        return
    wanted = first.in_channels
    if len(info.shape) != 3:
        shape = ",".join(map(str, info.shape))
        message = f"{source.source} takes images ({wanted},height,width), this data has ({shape})"
    else:
        message = (
            f"{source.source} takes images with {wanted} channels, this data has {info.shape[0]}: "
        )
        message += (
            f"set data.channels: {wanted}"
            if hasattr(recipe.data, "channels")
            else f"take data with {wanted} channels, or write the network with `layers:`"
        )
    raise fault(recipe, (*source.path, "from"), message)


def _rows_without_shapes(model: nn.Module) -> list[LayerRow]:
    """A detector chooses boxes by their scores, which the meta device has none of."""
    leaves = [(n, m) for n, m in model.named_modules() if n and not any(m.children())]
    return [LayerRow(name, type(m).__name__, [], [], _size(m)) for name, m in leaves]


def _check_output(recipe: Recipe, info: DataInfo, output: Any) -> None:
    """Refuses a model whose output the task cannot read."""
    wanted = _wanted_output(recipe.task.type, info)
    if wanted is None or not isinstance(output, Tensor) or tuple(output.shape) == wanted:
        return
    if wanted == (TRACE_BATCH, 1) and tuple(output.shape) == (TRACE_BATCH,):
        return
    raise fault(
        recipe,
        _last_place(recipe),
        f"the model gives {_open(tuple(output.shape))}, but the task {recipe.task.type} "
        f"needs {_open(wanted)}",
    )


def _wanted_output(task: str, info: DataInfo) -> tuple[int, ...] | None:
    match task:
        case "classify" if info.classes:
            return (TRACE_BATCH, info.classes)
        case "multilabel" | "regress" if info.targets:
            return (TRACE_BATCH, info.targets)
        case "next_token" if info.vocab:
            return (TRACE_BATCH, *info.shape, info.vocab)
        case _:
            return None


def _open(shape: tuple[int, ...]) -> str:
    """`(N,10)`: the shape with the batch left open."""
    return f"({','.join(['N', *map(str, shape[1:])])})"


def _last_place(recipe: Recipe) -> KeyPath:
    model = recipe.model
    return model.layers[-1].path if model.layers else model.path
