"""From the nodes of a recipe's model to nested modules, tracing shapes on the meta device.

Every layer is first built on the meta device and run on the shapes that reach it, so that a
mistake is found at its own line and without memory; `materialise` then builds the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.graph.building import shape_text
from dltui.graph.frame import Draft, Frame, Made, Slot
from dltui.graph.leaves import Factory, Leaves, Traced, slot_named
from dltui.graph.loops import rounds
from dltui.graph.modules.embeddings import TiedLinear
from dltui.graph.modules.network import Layers, Network
from dltui.graph.scope import Variables, evaluated, fault
from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.recipe.nodes import Block, For, Group, KeyPath, Layer, Node, Repeat, Residual, Use

if TYPE_CHECKING:
    from dltui.recipe import Recipe

TRACE_BATCH = 2
"""Examples in the traced batch: batch normalisation needs more than one."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A model on the meta device, its layers as traced, and what makes each of them real."""

    network: Network
    traced: list[Traced]
    factories: dict[nn.Module, Factory]
    output: Tensor | dict[str, Tensor]


def assemble(recipe: Recipe, info: DataInfo) -> Assembled:
    """The model of `recipe` on the meta device.

    Raises:
        RecipeError: a layer cannot be built or cannot take what reaches it.
        PluginError: a plugin's layer fails.
    """
    with torch.no_grad():
        return _Assembler(recipe, info, Leaves(recipe, info)).model()


def materialise(assembled: Assembled) -> Network:
    """Replaces every leaf by a real one on the CPU, made in the order of the recipe."""
    real = {meta: make() for meta, make in assembled.factories.items()}
    for container in list(assembled.network.modules()):
        if isinstance(container, Layers):
            for label, child in container.named_children():
                container.register_module(label, real.get(child, child))
            for label, child in container.shared.items():
                container.shared[label] = real.get(child, child)
    for module in real.values():
        if isinstance(module, TiedLinear):
            module.tie(real[module.source])
    return assembled.network


@dataclass(slots=True)
class _Assembler:
    recipe: Recipe
    info: DataInfo
    leaves: Leaves
    open_blocks: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=dict)
    """What every layer and block may use: facts of the data and the model's `params`."""

    def model(self) -> Assembled:
        model = self.recipe.model
        names = model.inputs or ("input",)
        network = Network(model.inputs, model.outputs)
        frame = Frame(network, [Slot(_example(self.info.input(name))) for name in names])
        frame.entries.update(zip(names, frame.inputs, strict=True))
        network.variables = self.variables = self._model_variables()
        self._body(frame, model.layers, self.variables)
        outputs = [
            self._slot(frame, name, (*model.path, "outputs", number))
            for number, name in enumerate(model.outputs)
        ] or [frame.current]
        frame.current, frame.exported = outputs[0], outputs[1:]
        frame.finish()
        values = [slot.value for slot in outputs]
        return Assembled(
            network,
            self.leaves.traced,
            self.leaves.factories,
            dict(zip(model.outputs, values, strict=True)) if model.outputs else values[0],
        )

    def _model_variables(self) -> Variables:
        variables: dict[str, Any] = dict(self.info.variables())
        for key, value in self.recipe.model.params.items():
            variables[key] = evaluated(self.recipe, value, variables)
        return variables

    def _body(self, frame: Frame, nodes: tuple[Node, ...], variables: Variables) -> None:
        for node in nodes:
            self._node(frame, node, variables)

    def _node(self, frame: Frame, node: Node, variables: Variables) -> None:
        slots, name = self._inputs(frame, node), node.name
        if name is not None:
            self._check_name(frame, node, name)
        match node:
            case Layer(kind=kind) if kind in self.recipe.model.blocks:
                made = self._block(frame, node, slots, variables)
            case Layer():
                made = self.leaves.layer(frame, node, slots, name, variables)
            case Group():
                made = self._container(
                    frame, "group", node.body, slots, name, variables, names_show=True
                )
            case Residual():
                made = self._residual(frame, node, slots, variables)
            case Use():
                made = self.leaves.use(frame, node, slots, name)
            case Repeat() | For():
                made = self._loop(frame, node, slots, variables)
        if name is not None:
            frame.values[name] = frame.current
            frame.made[name] = made

    def _check_name(self, frame: Frame, node: Node, name: str) -> None:
        path = (*node.path, "name")
        if "." in name or hasattr(frame.module, name):
            raise fault(
                self.recipe, path, f"{name!r} means something to every torch module; choose another"
            )
        if any(draft.named and draft.label == name for draft in frame.drafts):
            raise fault(self.recipe, path, f"two layers are named {name!r}")

    def _inputs(self, frame: Frame, node: Node) -> tuple[Slot, ...]:
        if node.inputs is None:
            return (frame.current,)
        return tuple(
            self._slot(frame, name, (*node.path, "in", number))
            for number, name in enumerate(node.inputs)
        )

    def _slot(self, frame: Frame, name: str, path: KeyPath) -> Slot:
        return slot_named(self.recipe, frame, name, path)

    def _container(
        self,
        frame: Frame,
        label: str,
        body: tuple[Node, ...],
        slots: tuple[Slot, ...],
        name: str | None,
        variables: Variables,
        *,
        names_show: bool = False,
        ending: Callable[[Frame], None] = lambda inner: None,
    ) -> tuple[Made, ...]:
        """A nested module. `names_show`: its layers can be named from outside."""
        inner = Frame(Layers(), [Slot(slot.value) for slot in slots], frame)
        for number, slot in enumerate(inner.inputs[1:], start=1):
            inner.entries[f"input{number}"] = slot
        self._body(inner, body, variables)
        ending(inner)
        inner.finish()
        captured = tuple(outer for _, outer in inner.captured)
        frame.append(
            Draft(
                name or label,
                inner.module,
                (*slots, *captured),
                [Slot(inner.current.value)],
                named=name is not None,
                inner=inner if names_show else None,
            )
        )
        return (Made(inner.module, captured),)

    def _block(
        self, frame: Frame, node: Layer, slots: tuple[Slot, ...], variables: Variables
    ) -> tuple[Made, ...]:
        block = self.recipe.model.blocks[node.kind]
        if node.kind in self.open_blocks:
            raise fault(self.recipe, node.path, f"block {node.kind} contains itself")
        self.open_blocks.append(node.kind)
        inside = {**self.variables, **self._params(block, node, variables)}
        made = self._container(frame, node.kind, block.body, slots, node.name, inside)
        self.open_blocks.pop()
        return made

    def _params(self, block: Block, node: Layer, variables: Variables) -> dict[str, Any]:
        """The block's parameters; a default may use those before it."""
        params: dict[str, Any] = {}
        for key, default in block.params.items():
            known = {**self.variables, **params}
            params[key] = (
                evaluated(self.recipe, node.args[key], variables)
                if key in node.args
                else evaluated(self.recipe, default, known)
            )
        for key in node.args:
            if key not in block.params:
                told = ", ".join(block.params) or "none"
                raise fault(
                    self.recipe,
                    (*node.path, node.kind, key),
                    f"block {block.name} has no parameter {key!r}; it has: {told}",
                )
        return params

    def _loop(
        self, frame: Frame, node: Repeat | For, slots: tuple[Slot, ...], variables: Variables
    ) -> tuple[Made, ...]:
        made: list[Made] = []
        frame.current = slots[0]
        alone = node.body[0] if len(node.body) == 1 else None
        for number, values in enumerate(rounds(self.recipe, node, variables)):
            inside = {**variables, **values}
            if node.name is None and isinstance(alone, Layer):
                self._node(frame, alone, inside)
                continue
            label = None if node.name is None else f"{node.name}{number}"
            taken = slots if number == 0 else (frame.current,)
            made += self._container(frame, "repeat", node.body, taken, label, inside)
        return tuple(made)

    def _residual(
        self, frame: Frame, node: Residual, slots: tuple[Slot, ...], variables: Variables
    ) -> tuple[Made, ...]:
        def add_shortcut(inner: Frame) -> None:
            body = inner.current
            self._shortcut(inner, node, body, variables)
            shortcut = inner.current
            if shortcut.value.shape != body.value.shape:
                owner = "shortcut" if node.shortcut else "input; try `shortcut: project`"
                raise fault(
                    self.recipe,
                    node.path,
                    f"residual cannot add {shape_text(body.value)} of its layers to "
                    f"{shape_text(shortcut.value)} of its {owner}",
                )
            add = Layer("add", {}, node.path)
            self.leaves.layer(inner, add, (body, shortcut), None, variables)

        return self._container(
            frame,
            "residual",
            node.body,
            slots,
            node.name,
            variables,
            names_show=True,
            ending=add_shortcut,
        )

    def _shortcut(self, frame: Frame, node: Residual, body: Slot, variables: Variables) -> None:
        """Leaves the shortcut's output as the frame's current value."""
        entry = frame.inputs[0]
        frame.current = entry
        layers = node.shortcut
        if layers == "project":
            if entry.value.shape == body.value.shape:
                return
            layers = _projection(entry.value.shape, body.value.shape, node.path)
        if isinstance(layers, tuple):
            self._container(frame, "shortcut", layers, (entry,), None, variables)


def _example(entry: InputInfo) -> Tensor:
    """A batch of the input on the meta device."""
    dtype: torch.dtype = getattr(torch, entry.dtype)
    return torch.empty(TRACE_BATCH, *entry.shape, dtype=dtype, device="meta")


def _projection(entry: torch.Size, body: torch.Size, path: KeyPath) -> tuple[Node, ...]:
    """What turns `entry` into `body`: 1×1 convolution and norm, or linear for feature vectors."""
    if len(entry) == 2 or (len(entry) == 3 and entry[1] == body[1]):
        return (Layer("linear", {"out": body[-1], "bias": False}, path),)
    stride = [-(-before // after) for before, after in zip(entry[2:], body[2:], strict=False)]
    conv = {"out": body[1], "kernel": 1, "stride": stride, "bias": False}
    return (Layer("conv", conv, path), Layer("bn", {}, path))
