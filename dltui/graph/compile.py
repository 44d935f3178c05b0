"""A recipe's model as an `nn.Module`, and as a table of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.graph.assemble import TRACE_BATCH, Assembled, assemble, materialise
from dltui.graph.building import shape_text
from dltui.graph.initialise import initialise
from dltui.graph.leaves import Traced
from dltui.graph.outputs import check_inputs, check_output
from dltui.graph.plugins import load_plugins, plugin_failure, task_named
from dltui.graph.pretrained import pretrained_model
from dltui.graph.registries import is_detector
from dltui.graph.scope import fault
from dltui.recipe.data_info import DataInfo
from dltui.recipe.tasks.facts import Interface

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
    """The network with real weights on the CPU, or an `nn.ModuleDict` of several by name.

    The caller seeds torch before. A network takes a tensor `(N, *shape)`, or a map of its named
    inputs, and gives a tensor or a map of its named outputs.

    Raises:
        RecipeError: something in the model does not fit, at its own line.
        PluginError: a plugin is not trusted or fails.
    """
    load_plugins(recipe)
    made = {name: _compiled(*seen) for name, seen in _networks(recipe, info).items()}
    return next(iter(made.values())) if not _has_several(recipe) else nn.ModuleDict(made)


def shape_table(recipe: Recipe, info: DataInfo) -> list[LayerRow]:
    """Every leaf layer in the order it runs, computed without memory for weights or data.

    Of several networks the names begin with the network's.

    Raises:
        RecipeError: something in the model does not fit, at its own line.
        PluginError: a plugin is not trusted or fails.
    """
    load_plugins(recipe)
    rows: list[LayerRow] = []
    for name, seen in _networks(recipe, info).items():
        prefix = f"{name}." if _has_several(recipe) else ""
        rows += [replace(row, name=prefix + row.name) for row in _table(*seen)]
    return rows


def _has_several(recipe: Recipe) -> bool:
    return tuple(recipe.models) != ("model",)


def _networks(
    recipe: Recipe, info: DataInfo
) -> dict[str, tuple[Recipe, DataInfo, Interface | None]]:
    """Each network as a recipe of its own, the data as it sees it, and what it has to be."""
    interfaces = _interfaces(recipe, info)
    found = {}
    for name in recipe.models:
        interface = interfaces.get(name)
        seen = interface.seen_from(info) if interface is not None else info
        network = recipe.network(name)
        check_inputs(network, interface)
        found[name] = (network, seen, interface)
    return found


def _interfaces(recipe: Recipe, info: DataInfo) -> Mapping[str, Interface]:
    if recipe.task.type != "plugin":
        return recipe.facts.interfaces(recipe.task, info)
    plugin = task_named(recipe.task.name)
    told = getattr(plugin.make, "interfaces", None)
    if told is None:
        return recipe.facts.interfaces(recipe.task, info)
    try:
        found: Mapping[str, Interface] = told(info, **recipe.task.args)
    except Exception as error:
        what = f"the task {recipe.task.name} cannot tell its networks' interfaces"
        raise plugin_failure(error, what, plugin.where) from error
    return found


def _compiled(recipe: Recipe, info: DataInfo, interface: Interface | None) -> nn.Module:
    if recipe.model.pretrained is not None:
        _table(recipe, info, interface)
        model = pretrained_model(recipe, info, meta=False)
    else:
        assembled = assemble(recipe, info)
        check_output(recipe, interface, assembled.output)
        model = materialise(assembled)
    initialise(model, recipe)
    return model


def _table(recipe: Recipe, info: DataInfo, interface: Interface | None) -> list[LayerRow]:
    if recipe.model.pretrained is not None:
        return _table_of_pretrained(recipe, info, interface)
    assembled = assemble(recipe, info)
    check_output(recipe, interface, assembled.output)
    initialise(assembled.network, recipe)
    return _table_of_layers(assembled)


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


def _table_of_pretrained(
    recipe: Recipe, info: DataInfo, interface: Interface | None
) -> list[LayerRow]:
    model = pretrained_model(recipe, info, meta=True)
    source = recipe.model.pretrained
    assert source is not None
    if is_detector(model):
        if interface is not None and interface.output is not None:
            message = f"{source.source} has losses of its own; task {recipe.task.type} needs a map"
            message += " of classes and boxes: write the network with `layers:`"
            raise fault(recipe, (*source.path, "from"), message)
        initialise(model, recipe)
        return _rows_without_shapes(model)
    rows: list[LayerRow] = []
    counted: set[nn.Parameter] = set()

    def note(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            if isinstance(output, Tensor) and inputs:
                new = set(module.parameters()) - counted
                counted.update(new)
                rows.append(
                    LayerRow(
                        name,
                        type(module).__name__,
                        list(inputs[0].shape[1:]),
                        list(output.shape[1:]),
                        sum(parameter.numel() for parameter in new),
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
    check_output(recipe, interface, output)
    initialise(model, recipe)
    # Before the others: a table ends with the output.
    return [*_rows_of_the_rest(model, counted), *rows]


def _rows_of_the_rest(model: nn.Module, counted: set[nn.Parameter]) -> list[LayerRow]:
    """Parameters that no layer's call has shown: class tokens, torch's own attention."""
    rows: list[LayerRow] = []
    for name, module in model.named_modules():
        own = {
            parameter: label
            for label, parameter in module.named_parameters(recurse=False)
            if parameter not in counted
        }
        if own:
            counted.update(own)
            kind, size = type(module).__name__, sum(parameter.numel() for parameter in own)
            rows.append(LayerRow(name or ", ".join(own.values()), kind, [], [], size))
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
