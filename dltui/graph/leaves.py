"""Single layers: built on the meta device, run on the shapes that reach them, and noted down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.graph.builders import BUILDERS
from dltui.graph.building import Inputs, LayerError, shape_text
from dltui.graph.frame import Draft, Frame, Made, Slot
from dltui.graph.plugins import build_plugin_layer, is_plugin_layer, plugin_failure
from dltui.graph.scope import Variables, arguments, evaluated, fault
from dltui.recipe.catalogue import LAYERS, LayerSpec
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import KeyPath, Layer, Use

if TYPE_CHECKING:
    from dltui.recipe import Recipe

Factory = Callable[[], nn.Module]
_MISFITS = (RuntimeError, ValueError, TypeError, ArithmeticError, IndexError, AssertionError)
"""What torch raises where a module and its input do not fit."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A leaf layer as it was run: its kind, module, place, and shapes with the batch."""

    kind: str
    module: nn.Module
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    frame: Frame
    step: int
    shared: bool


@dataclass(slots=True)
class Leaves:
    """Builds the leaf layers of one model. `factories` makes each of them again, for real."""

    recipe: Recipe
    info: DataInfo
    traced: list[Traced] = field(default_factory=list)
    factories: dict[nn.Module, Factory] = field(default_factory=dict)

    def layer(
        self,
        frame: Frame,
        node: Layer,
        slots: tuple[Slot, ...],
        name: str | None,
        variables: Variables,
    ) -> tuple[Made, ...]:
        """Appends a catalogue or plugin layer to the frame."""
        label = node.kind if name is None else f"{node.kind} {name!r}"
        spec = LAYERS.get(node.kind)
        named: dict[str, Slot] = {}
        if spec is not None:
            self._check_count(spec, node, slots, label)
            args = arguments(self.recipe, spec, node, variables)
            named = self._named(spec, args, frame, node)
            factory = self._from_catalogue(spec, args, frame, slots, named)
        elif is_plugin_layer(node.kind):
            given = evaluated(self.recipe, node.args, variables)
            shapes = tuple(tuple(slot.value.shape) for slot in slots)
            factory = lambda: build_plugin_layer(node.kind, given, shapes)  # noqa: E731
        else:
            raise fault(self.recipe, node.path, f"no layer is called {node.kind!r}")
        slots = (*slots, *named.values())
        module = self._built(factory, node, slots, label)
        output = self._run(label, module, slots, node.path, plugin=spec is None)
        self.factories[module] = factory
        draft = Draft(name or node.kind, module, slots, [Slot(output)], named=name is not None)
        self._append(frame, node.kind, draft)
        return (Made(module, tuple(named.values())),)

    def use(
        self, frame: Frame, node: Use, slots: tuple[Slot, ...], name: str | None
    ) -> tuple[Made, ...]:
        """Runs what was made under the target's name again, with the same weights."""
        found = frame.made_under(node.target)
        if not found:
            raise fault(
                self.recipe,
                (*node.path, "use"),
                f"no earlier layer or group is called {node.target!r} here",
            )
        for number, made in enumerate(found):
            taken = (*(slots if number == 0 else (frame.current,)), *made.captured)
            output = self._run(f"use of {node.target!r}", made.module, taken, node.path)
            own = name if name is None or len(found) == 1 else f"{name}{number}"
            label = own or f"{node.target.replace('.', '_')}_again"
            draft = Draft(
                label, made.module, taken, [Slot(output)], named=own is not None, shared=True
            )
            self._append(frame, "use", draft)
        return found

    def _check_count(
        self, spec: LayerSpec, node: Layer, slots: tuple[Slot, ...], label: str
    ) -> None:
        least, most = spec.min_inputs, spec.max_inputs
        if len(slots) < least or (most is not None and len(slots) > most):
            wanted = str(least) if least == most else f"{least} to {most or 'any number of'}"
            raise fault(
                self.recipe,
                node.path,
                f"{label} takes {wanted} inputs, not {len(slots)}; say which with `in`",
            )

    def _named(
        self, spec: LayerSpec, args: Mapping[str, Any], frame: Frame, node: Layer
    ) -> dict[str, Slot]:
        """The inputs that arguments name: a mask, a bias."""
        return {
            key: slot_named(self.recipe, frame, args[key], (*node.path, node.kind, key))
            for key, arg in spec.args.items()
            if arg.kind == "value" and args[key] is not None
        }

    def _from_catalogue(
        self,
        spec: LayerSpec,
        args: Mapping[str, Any],
        frame: Frame,
        slots: tuple[Slot, ...],
        named: Mapping[str, Slot],
    ) -> Factory:
        def find(target: str) -> nn.Module:
            found = frame.made_under(target)
            if not found or len(found) != 1:
                raise LayerError(f"no earlier layer is called {target!r} here", "to")
            return found[0].module

        inputs = Inputs(
            tuple(tuple(slot.value.shape) for slot in slots),
            self.info,
            find,
            {key: tuple(slot.value.shape) for key, slot in named.items()},
        )
        return lambda: BUILDERS[spec.name](args, inputs)

    def _built(
        self, factory: Factory, node: Layer, slots: tuple[Slot, ...], label: str
    ) -> nn.Module:
        try:
            with torch.device("meta"):
                return factory()
        except LayerError as error:
            path = (*node.path, node.kind, error.arg) if error.arg else node.path
            raise fault(self.recipe, path, f"{refusal(label, slots)}: {error}") from None
        except _MISFITS as error:
            raise fault(
                self.recipe, node.path, f"{refusal(label, slots)}: {_first_line(error)}"
            ) from error

    def _run(
        self,
        label: str,
        module: nn.Module,
        slots: tuple[Slot, ...],
        path: KeyPath,
        *,
        plugin: bool = False,
    ) -> Tensor:
        try:
            output = module(*(slot.value for slot in slots))
        except Exception as error:
            if plugin:  # whose code may raise anything
                raise plugin_failure(error, refusal(label, slots)) from error
            if not isinstance(error, _MISFITS):
                raise
            reason = "" if len(slots) > 1 else f": {_first_line(error)}"
            raise fault(self.recipe, path, refusal(label, slots) + reason) from error
        output = output[0] if isinstance(output, tuple) and not plugin else output
        if not isinstance(output, Tensor):
            raise fault(self.recipe, path, f"{label} gives {type(output).__name__}, not a tensor")
        if output.numel() == 0:
            raise fault(self.recipe, path, f"{refusal(label, slots)}: nothing would be left of it")
        return output

    def _append(self, frame: Frame, kind: str, draft: Draft) -> None:
        frame.append(draft)
        self.traced.append(
            Traced(
                kind,
                draft.module,
                tuple(tuple(slot.value.shape) for slot in draft.slots),
                tuple(draft.outputs[0].value.shape),
                frame,
                len(frame.drafts) - 1,
                draft.shared,
            )
        )


def slot_named(recipe: Recipe, frame: Frame, name: str, path: KeyPath) -> Slot:
    """The value called `name`, seen from `frame`.

    Raises:
        RecipeError: nothing here is called so; at `path`.
    """
    slot = frame.value_named(name)
    if slot is None:
        known = ", ".join(frame.visible_names())
        message = f"no earlier layer is called {name!r} here; there are: {known}"
        raise fault(recipe, path, message)
    return slot


def refusal(label: str, slots: tuple[Slot, ...]) -> str:
    """`add cannot take (2,128,16,16) and (2,128,32,32)`."""
    shapes = [shape_text(slot.value) for slot in slots]
    told = shapes[0] if len(shapes) == 1 else f"{', '.join(shapes[:-1])} and {shapes[-1]}"
    return f"{label} cannot take {told}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
