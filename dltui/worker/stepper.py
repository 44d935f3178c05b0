"""One optimiser step: forward, backward, clipping, update; in parts where memory is short."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dltui.errors import TrainingError
from dltui.graph.auxiliary import auxiliary_loss, with_auxiliary_loss
from dltui.recipe.schema.training import TrainerSection
from dltui.worker.device import Precision
from dltui.worker.losses import penalty
from dltui.worker.networks import Networks
from dltui.worker.tasks import Phase, Task

if TYPE_CHECKING:
    from dltui.worker.data import Batch


_NO_ROOM = "out of memory: processes that share a training cannot halve their batches alone"


class Stepper:
    """Turns a group of micro-batches into gradients and gradients into an update.

    A task of several phases takes its turns one after another, each with an optimiser of its own;
    meanwhile the weights of the other networks stand still and collect no gradients.
    """

    def __init__(
        self,
        networks: Networks,
        task: Task,
        optimizers: Mapping[str, Optimizer],
        trainer: TrainerSection,
        precision: Precision,
        device: torch.device,
        say: Callable[[str], None],
    ):
        self.networks = networks
        self.task = task
        self.optimizers = optimizers
        self.phases = task.phases
        self.precision = precision
        self.device = device
        self.splits = 1
        self.grad_norm: Tensor | None = None
        """The total norm before clipping, where clipping by norm has measured it."""
        self.penalty: Tensor | None = None
        self.scaler = torch.amp.GradScaler(device.type) if precision.scaled else None
        self._trainer = trainer
        self._say = say
        self._clip = trainer.clip
        self._with_own_loss = with_auxiliary_loss(networks.module)
        self._learning = {phase: self._parameters_of(phase) for phase in self.phases}

    def optimizer(self, phase: Phase) -> Optimizer:
        """The optimiser of the phase's network; with one phase the only one there is."""
        only = next(iter(self.optimizers.values()))
        return only if phase.network is None else self.optimizers.get(phase.network, only)

    def _parameters_of(self, phase: Phase) -> list[nn.Parameter]:
        groups = self.optimizer(phase).param_groups
        return [parameter for group in groups for parameter in group["params"]]

    def turns(self, number: int) -> list[Phase]:
        """The phases of step `number`, counted from 1."""
        return [phase for phase in self.phases if number % phase.every == 0]

    def gradients(self, group: Sequence[Batch], phase: Phase) -> list[Tensor]:
        """Gradients of the mean loss of all examples; `[loss, *scalars]`, 0-dimensional.

        Out of memory: the micro-batches are halved from here on, the effective batch stays.
        """
        if len(self.phases) > 1:
            self._take_turn(phase)
        while True:
            try:
                return self._backward(group, phase)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self.networks.is_shared:
                    raise TrainingError(_NO_ROOM, remedy="lower data.batch_size") from error
                self._halve(max(len(batch) for batch in group), error)

    def _take_turn(self, phase: Phase) -> None:
        for other, parameters in self._learning.items():
            for parameter in parameters:
                parameter.requires_grad_(other is phase)

    def _backward(self, group: Sequence[Batch], phase: Phase) -> list[Tensor]:
        self.optimizer(phase).zero_grad(set_to_none=True)
        if len(group) == 1 and self.splits == 1:
            values = self._values(group[0], phase)
            self._run_backward(self._with_penalty(self._with_auxiliary(values[0]), phase))
            return values
        return self._accumulate(group, phase)

    def _accumulate(self, group: Sequence[Batch], phase: Phase) -> list[Tensor]:
        total = sum(len(batch) for batch in group)
        sums: list[Tensor] = []
        for batch in group:
            for part in batch.split(-(-len(batch) // self.splits)):
                values = self._values(part, phase)
                share = len(part) / total
                loss = self._with_auxiliary(values[0]) * share
                self._run_backward(self._with_penalty(loss, phase) if not sums else loss)
                parts = [value.detach() * share for value in values]
                sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
        return sums

    def _values(self, batch: Batch, phase: Phase) -> list[Tensor]:
        with self.precision.autocast():
            return self.task.step(self.networks, batch, phase)

    def _with_auxiliary(self, loss: Tensor) -> Tensor:
        """With what layers of the networks add for themselves; the recorded loss is the task's."""
        extra = auxiliary_loss(self._with_own_loss)
        return loss if extra is None else loss + extra

    def _with_penalty(self, loss: Tensor, phase: Phase) -> Tensor:
        if not (self._trainer.l1 or self._trainer.l2):
            return loss
        weights: list[Tensor] = [p for p in self._learning[phase] if p.dim() > 1]
        if not weights:
            return loss
        extra = penalty(weights, self._trainer.l1, self._trainer.l2)
        self.penalty = extra.detach()
        return loss + extra

    def _run_backward(self, loss: Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]

    def unscale(self, phase: Phase) -> None:
        """Gradients in their true scale: before they are measured or clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer(phase))

    def update(self, group: Sequence[Batch], phase: Phase, *, checks: bool = False) -> bool:
        """Clip and take the step.

        With `checks`, for devices that need not be waited for: False, and no step, where clipping
        has found gradients that are NaN or infinite; all of them would be after it.
        """
        optimizer = self.optimizer(phase)
        clip = self._clip
        if clip is not None:
            if clip.norm is not None:
                self.grad_norm = nn.utils.clip_grad_norm_(self._learning[phase], clip.norm)
                if checks and self.scaler is None and not self.grad_norm.isfinite():
                    return False
            if clip.value is not None:
                nn.utils.clip_grad_value_(self._learning[phase], clip.value)
        if self.scaler is not None:
            self.scaler.step(optimizer)
            self.scaler.update()
        elif isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(lambda: self._backward(group, phase)[0].item())  # type: ignore[no-untyped-call]
        else:
            optimizer.step()
        return True

    def _halve(self, size: int, error: Exception) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        # The failed forward's tensors hang on the traceback, and on the layers' own losses.
        error.__traceback__ = None
        auxiliary_loss(self._with_own_loss)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.splits >= size:
            raise TrainingError(
                "out of memory even with one example at a time",
                remedy="use a smaller model or input, precision bf16, or another device",
            ) from error
        self.splits *= 2
        part = -(-size // self.splits)
        self._say(f"out of memory: micro-batches of {part} examples now, same effective batch")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Of a device, or of the CPU, for which torch has no error type of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
