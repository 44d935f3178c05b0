"""The loop's side of the diagnostics: three calls a step that nearly always return at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from dltui.recipe.schema.training import DiagnosticsSection
from dltui.worker.probes.activations import ActivationProbe, Observed
from dltui.worker.probes.bucketing import bucket_counts, sample
from dltui.worker.probes.frames import Frames
from dltui.worker.probes.layers import is_compiled, layers_with_parameters, original
from dltui.worker.probes.norms import UPDATE_ELEMENTS, dense, norms, spaced
from dltui.worker.probes.pacing import Pacer, StepClock
from dltui.worker.probes.transfer import Arrays, DeviceTimer, Transfer

ArraySink = Callable[[str, int, Arrays, dict[str, Any]], None]
"""Takes group, step, arrays and meta of one frame."""

CHEAP_SHARE = 0.4
"""Of the budget, at most this goes to norms; histograms and activations get the rest."""
CHEAP_CREDIT_S = 0.005
DEAR_CREDIT_S = 0.015
CHEAP_GAP_S = 0.05
DEAR_GAP_S = 0.25
MAX_HISTOGRAMS = 256
MAX_ACTIVATIONS = 256
NEVER = sys.maxsize


class Probes:
    """Measures a model while it trains, within `settings.budget` of the step time.

    Call `begin(step)` before the forward pass, `gradients_ready(step)` after the backward pass
    (gradients unscaled, not yet clipped) and `updated(step)` after the optimiser. On most steps
    each of them is a comparison. On sampled steps frames go to `sink` in the groups `layers`,
    `activations` and `histograms`; weights, gradients, buffers and random generators are only
    read, so that training ends in bitwise the same weights with probes and without.

    `compiled` says that the forward pass runs compiled code although `model` does not show it.
    Compiled code does not call module hooks, hence activations are then not measured; `notes`
    says so. On CUDA nothing waits for the device: frames come some steps late (see `flush`).
    """

    def __init__(
        self,
        model: nn.Module,
        settings: DiagnosticsSection,
        sink: ArraySink,
        device: torch.device | str,
        *,
        compiled: bool = False,
    ):
        device = torch.device(device)
        self.last_gradient_norm: Tensor | None = None
        """Total gradient norm of the present step, 0-d on the device; None if not measured."""
        self.notes: list[str] = []
        """What is not measured and why; one line each, for the log."""
        self._settings = settings
        self._layers = layers_with_parameters(original(model))
        self._parameters = [p for layer in self._layers for _, p in layer.parameters]
        self._frames = Frames(self._layers, sink, MAX_HISTOGRAMS)
        self._activations = self._activation_probe(model, compiled)
        self._transfer = Transfer(device)
        self._timer = DeviceTimer(device)
        self._clock = StepClock(perf_counter())
        self._cheap, self._dear = self._pacers()
        self._next = 0 if settings.enabled and self._layers else NEVER
        self._sampled = -1
        self._does_cheap = self._does_dear = False
        self._cheap_s = self._dear_s = self._own_s = 0.0
        self._total_s = 0.0
        self._first: int | None = None
        self._step = 0
        self._present: list[int] = []
        self._old: dict[int, Tensor] = {}
        self._cheap_parts: dict[str, Tensor] = {}

    @property
    def share(self) -> float:
        """Time spent on diagnostics over step time without them, in this process; 0 at first."""
        steps = 0 if self._first is None else self._step - self._first + 1
        step_s = self._clock.step_s * steps
        return self._total_s / step_s if step_s > 0 else 0.0

    def begin(self, step: int, *, last: bool = False) -> None:
        """Before the forward pass of optimiser step `step`.

        The `last` step of a training is read whatever the budget: it is what people look at
        afterwards, and of a short run there may be little else.
        """
        self._clock.tick(perf_counter(), self._own_s)
        self._own_s = 0.0
        self._step = step
        self.last_gradient_norm = None
        if self._transfer.pending:
            self._transfer.poll()
        if step >= self._next or (last and self._next < NEVER):
            self._choose(step, last)

    def gradients_ready(self, step: int) -> None:
        """After the backward pass of `step`, before clipping."""
        if step != self._sampled:
            return
        with torch.no_grad():
            if self._does_dear:
                began_s = perf_counter()
                self._measure_distributions(step)
                self._dear_s += perf_counter() - began_s
            if self._does_cheap:
                began_s = perf_counter()
                self._measure_gradients()
                self._cheap_s += perf_counter() - began_s

    def turn_ready(self, step: int) -> None:
        """After the backward pass of a phase that others follow in the same `step`."""
        if step != self._sampled or not self._does_cheap:
            return
        began_s = perf_counter()
        with torch.no_grad():
            self._timer.start()
            self._keep_learning()
            self._timer.stop()
        self._cheap_s += perf_counter() - began_s

    def updated(self, step: int) -> None:
        """After the optimiser's step."""
        if step != self._sampled:
            return
        self._sampled = -1
        if self._does_cheap and self._cheap_parts:
            began_s = perf_counter()
            with torch.no_grad():
                self._measure_updates(step)
            self._cheap_s += perf_counter() - began_s
        self._book(step)

    def flush(self) -> None:
        """Waits for frames that are still on their way from the device and hands them on."""
        self._transfer.flush()

    def close(self) -> None:
        """Removes all hooks, flushes, and measures nothing any more."""
        if self._activations is not None:
            self._activations.detach()
        self.flush()
        self._next, self._sampled = NEVER, -1
        self._old.clear()
        self._cheap_parts.clear()
        if self._transfer.dropped:
            self.notes.append(
                f"{self._transfer.dropped} diagnostics frames were dropped: the device was behind"
            )

    def _activation_probe(self, model: nn.Module, compiled: bool) -> ActivationProbe | None:
        if not self._settings.activations:
            return None
        if compiled or is_compiled(model):
            self.notes.append(
                "activations are not measured: compiled code does not show them; "
                "trainer.compile=false measures them"
            )
            return None
        return ActivationProbe(original(model), MAX_ACTIVATIONS) or None

    def _pacers(self) -> tuple[Pacer, Pacer]:
        settings = self._settings
        dear = settings.histograms or self._activations is not None
        cheap_share = settings.budget * (CHEAP_SHARE if dear else 1.0)
        dear_share = settings.budget - (cheap_share if settings.norms else 0.0)
        cheap = Pacer(cheap_share, CHEAP_CREDIT_S, CHEAP_GAP_S, settings.every_steps)
        costly = Pacer(max(dear_share, 1e-9), DEAR_CREDIT_S, DEAR_GAP_S, settings.every_steps)
        if not settings.norms:
            cheap.due = NEVER
        if not dear:
            costly.due = NEVER
        return cheap, costly

    def _choose(self, step: int, last: bool) -> None:
        began_s = perf_counter()
        if self._first is None:
            self._first = step
        step_s = self._clock.step_s
        self._does_cheap = _is_read(self._cheap, step, step_s, last)
        self._does_dear = _is_read(self._dear, step, step_s, last)
        self._next = min(self._cheap.due, self._dear.due)
        self._cheap_parts = {}
        self._cheap_s = self._dear_s = 0.0
        if not (self._does_cheap or self._does_dear):
            return
        self._sampled = step
        if self._does_dear and self._activations is not None:
            self._activations.attach()
        self._dear_s = perf_counter() - began_s

    def _measure_distributions(self, step: int) -> None:
        settings, activations = self._settings, self._activations
        seen: list[Observed] = []
        if activations is not None:
            activations.detach()
            seen, hooks_s = activations.take()
            self._dear_s += hooks_s
            if not seen:
                self._activations = None
                self.notes.append("activations are not measured: no activation module was called")
        self._timer.start()
        parts: dict[str, Tensor] = {}
        if seen:
            parts["activations"] = bucket_counts([one.values for one in seen])
            parts["statistics"] = torch.stack([one.statistics for one in seen])
        gradients: list[str] = []
        if settings.histograms:
            tensors = self._frames.histogram_parameters
            parts["weights"] = bucket_counts([sample(p) for p in tensors.values()])
            present = {name: p.grad for name, p in tensors.items() if p.grad is not None}
            gradients = list(present)
            parts["gradients"] = bucket_counts([sample(dense(g)) for g in present.values()])
        self._timer.stop()
        if parts:
            names = [(one.name, one.after) for one in seen]
            emit = partial(self._frames.distributions, step, names, gradients, settings.histograms)
            self._submit(parts, emit, self._dear)

    def _measure_gradients(self) -> None:
        self._timer.start()
        parameters = self._parameters
        present = [i for i, p in enumerate(parameters) if p.grad is not None]
        parts = {"weights": norms([p.detach() for p in parameters])}
        if present:
            gradients = [dense(parameters[i].grad) for i in present]  # type: ignore[arg-type]
            parts["gradients"] = norms(gradients)
            self.last_gradient_norm = torch.linalg.vector_norm(parts["gradients"])
        self._present = present
        self._keep_learning()
        self._cheap_parts = parts
        self._timer.stop()

    def _keep_learning(self) -> None:
        """Copies of what is about to be updated; of several phases each its own networks."""
        for number, parameter in enumerate(self._parameters):
            if parameter.grad is not None and parameter.requires_grad and number not in self._old:
                self._old[number] = spaced(parameter.detach(), UPDATE_ELEMENTS).clone()

    def _measure_updates(self, step: int) -> None:
        self._timer.start()
        parts = self._cheap_parts
        trained = sorted(self._old)
        if trained:
            moved = [self._old[i] for i in trained]
            new = [spaced(self._parameters[i].detach(), UPDATE_ELEMENTS) for i in trained]
            torch._foreach_sub_(moved, new)
            parts["updates"] = norms(moved)
        self._old = {}
        self._cheap_parts = {}
        self._timer.stop()
        emit = partial(self._frames.norms, step, self._present, trained)
        self._submit(parts, emit, self._cheap)

    def _submit(
        self, parts: dict[str, Tensor], emit: Callable[[Arrays], None], pacer: Pacer
    ) -> None:
        began_s = perf_counter()

        def settle(device_s: float) -> None:
            extra_s = max(0.0, device_s - (perf_counter() - began_s))
            pacer.settle(extra_s)
            self._total_s += extra_s

        self._transfer.submit(parts, emit, self._timer.take(), settle)

    def _book(self, step: int) -> None:
        step_s = self._clock.step_s
        elapsed_s = perf_counter() - self._clock.started_s
        if self._does_cheap:
            self._cheap.spent(step, self._cheap_s, step_s, elapsed_s)
        if self._does_dear:
            if self._settings.norms:
                unused = CHEAP_SHARE * self._settings.budget - self._cheap.rate(step_s)
                self._dear.share = (1 - CHEAP_SHARE) * self._settings.budget + max(0.0, unused)
            self._dear.spent(step, self._dear_s, step_s, elapsed_s)
        self._next = min(self._cheap.due, self._dear.due)
        self._own_s = self._cheap_s + self._dear_s
        self._total_s += self._own_s


def _is_read(pacer: Pacer, step: int, step_s: float, last: bool) -> bool:
    if last:
        return pacer.due < NEVER
    return step >= pacer.due and pacer.allows(step, step_s)
