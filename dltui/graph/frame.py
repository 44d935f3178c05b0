"""One container while it is being assembled: its values, names and steps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torch import Tensor, nn

from dltui.graph.modules.network import Layers, Step


@dataclass(eq=False, slots=True)
class Slot:
    """A value inside one container; `value` is a tensor on the meta device."""

    value: Tensor


@dataclass(frozen=True, slots=True)
class Made:
    """A module that `use` may run again, with the outer values that it reads besides its input."""

    module: nn.Module
    captured: tuple[Slot, ...] = ()


@dataclass(eq=False, slots=True)
class Draft:
    """A step before slots have numbers. `inner` is the frame of a container whose names show."""

    label: str
    module: nn.Module
    slots: tuple[Slot, ...]
    outputs: list[Slot]
    named: bool
    shared: bool = False
    inner: Frame | None = None


class Frame:
    """The scope of one container.

    A name is looked up among the layers here, then among the inputs, then inside the groups and
    residuals here, then further out. What comes from inside becomes one more output of that
    container; what comes from outside one more input of this one.
    """

    def __init__(self, module: Layers, inputs: list[Slot], parent: Frame | None = None):
        self.module = module
        self.inputs = inputs
        self.parent = parent
        self.current = inputs[0]
        self.entries = {"input": inputs[0]}
        self.values: dict[str, Slot] = {}
        self.made: dict[str, tuple[Made, ...]] = {}
        self.captured: list[tuple[Slot, Slot]] = []
        """Pairs of a slot here and the parent's slot that feeds it."""
        self.exported: list[Slot] = []
        self.drafts: list[Draft] = []

    def append(self, draft: Draft) -> None:
        """Adds a step; its first output becomes the current value."""
        self.drafts.append(draft)
        self.current = draft.outputs[0]

    def value_named(self, name: str) -> Slot | None:
        """The slot here that holds `name`, brought in if need be; None where nothing has it."""
        found = self._own(name)
        if found is None and name in self.entries:
            found = self.entries[name]
        if found is None and self.parent is not None:
            outer = self.parent.value_named(name)
            found = None if outer is None else self._brought_in(outer)
        return found

    def made_under(self, name: str) -> tuple[Made, ...] | None:
        """The modules made under `name`, with outer values made local; None if none."""
        found = self._made_here(name)
        if found is not None or self.parent is None:
            return found
        outer = self.parent.made_under(name)
        if outer is None:
            return None
        return tuple(
            Made(made.module, tuple(self._brought_in(slot) for slot in made.captured))
            for made in outer
        )

    def visible_names(self) -> list[str]:
        outer = self.parent.visible_names() if self.parent else []
        return list(dict.fromkeys([*self.values, *self.entries, *outer]))

    def finish(self) -> None:
        """Tells the module what to run; again after every later export."""
        slots = [*self.inputs, *(inner for inner, _ in self.captured)]
        count = len(slots)
        slots += [slot for draft in self.drafts for slot in draft.outputs]
        position = {slot: number for number, slot in enumerate(slots)}
        steps = [
            Step(
                label,
                draft.module,
                tuple(position[slot] for slot in draft.slots),
                len(draft.outputs),
                draft.shared,
            )
            for label, draft in zip(self.labels(), self.drafts, strict=True)
        ]
        self.module.configure(
            steps, count, tuple(position[slot] for slot in (self.current, *self.exported))
        )

    def labels(self) -> list[str]:
        """Given names as they are; kinds numbered where a container has more than one."""
        taken = {draft.label for draft in self.drafts if draft.named}
        kinds = Counter(draft.label for draft in self.drafts if not draft.named)
        seen: Counter[str] = Counter()
        labels = []
        for draft in self.drafts:
            label = draft.label
            if not draft.named and (kinds[label] > 1 or label in taken):
                while (numbered := f"{label}{seen[label]}") in taken:
                    seen[label] += 1
                seen[label] += 1
                label = numbered
            labels.append(label)
        return labels

    def _own(self, name: str) -> Slot | None:
        if name in self.values:
            return self.values[name]
        for draft, inside in self._containers(name):
            inner = draft.inner._own(inside) if draft.inner else None
            if draft.inner is not None and inner is not None:
                return self._taken_out(draft, draft.inner, inner)
        return None

    def _made_here(self, name: str) -> tuple[Made, ...] | None:
        if name in self.made:
            return self.made[name]
        for draft, inside in self._containers(name):
            found = draft.inner._made_here(inside) if draft.inner else None
            if found is not None and not any(made.captured for made in found):
                return found
        return None

    def _containers(self, name: str) -> list[tuple[Draft, str]]:
        """Containers here, newest first, with what `name` is called inside them."""
        return [
            (draft, name.removeprefix(f"{draft.label}.") if draft.named else name)
            for draft in reversed(self.drafts)
            if draft.inner is not None
        ]

    def _taken_out(self, draft: Draft, frame: Frame, inner: Slot) -> Slot:
        """An inner value as one more output of its container."""
        if inner is frame.current:
            return draft.outputs[0]
        if inner not in frame.exported:
            frame.exported.append(inner)
            draft.outputs.append(Slot(inner.value))
            frame.finish()
        return draft.outputs[1 + frame.exported.index(inner)]

    def _brought_in(self, outer: Slot) -> Slot:
        """An outer value as one more input of this container."""
        for inner, source in self.captured:
            if source is outer:
                return inner
        inner = Slot(outer.value)
        self.captured.append((inner, outer))
        return inner
