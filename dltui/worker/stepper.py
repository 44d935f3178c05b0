"""One optimiser step: forward, backward, clipping, update; in parts where memory is short."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dltui.errors import TrainingError
from dltui.recipe.schema.training import TrainerSection
from dltui.worker.device import Precision
from dltui.worker.losses import penalty
from dltui.worker.tasks import Task, only_tensor

if TYPE_CHECKING:
    from dltui.worker.data import Batch


class Stepper:
    """Turns a group of micro-batches into gradients and gradients into an update.

    `forward` is the model, perhaps compiled; `model` the module that it was made from.
    """

    def __init__(
        self,
        model: nn.Module,
        forward: Callable[[Tensor], Any],
        task: Task,
        optimizer: Optimizer,
        trainer: TrainerSection,
        precision: Precision,
        device: torch.device,
        say: Callable[[str], None],
    ):
        self.forward = forward
        self.task = task
        self.optimizer = optimizer
        self.precision = precision
        self.device = device
        self.splits = 1
        self.grad_norm: Tensor | None = None
        """The total norm before clipping, where clipping by norm has measured it."""
        self.penalty: Tensor | None = None
        self.scaler = torch.amp.GradScaler(device.type) if precision.scaled else None
        self._trainer = trainer
        self._say = say
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._weights = [p for p in self._parameters if p.dim() > 1]
        self._is_penalized = bool(trainer.l1 or trainer.l2) and bool(self._weights)
        self._clip = trainer.clip
        self._needs_closure = isinstance(optimizer, torch.optim.LBFGS)

    def gradients(self, group: Sequence[Batch]) -> list[Tensor]:
        """Gradients of the mean loss of all examples; `[loss, *task scalars]`, 0-dimensional.

        Out of memory: the micro-batches are halved from here on, the effective batch stays.
        """
        while True:
            try:
                return self._backward(group)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(max(len(batch.targets) for batch in group), error)

    def _backward(self, group: Sequence[Batch]) -> list[Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        if len(group) == 1 and self.splits == 1:
            values = self._values(group[0].inputs, group[0].targets)
            self._run_backward(self._with_penalty(values[0]))
            return values
        return self._accumulate(group)

    def _accumulate(self, group: Sequence[Batch]) -> list[Tensor]:
        total = sum(len(batch.targets) for batch in group)
        sums: list[Tensor] = []
        for batch in group:
            size = -(-len(batch.targets) // self.splits)
            pairs = zip(batch.inputs.split(size), batch.targets.split(size), strict=True)  # type: ignore[no-untyped-call]
            for inputs, targets in pairs:
                values = self._values(inputs, targets)
                share = len(targets) / total
                loss = values[0] * share
                self._run_backward(self._with_penalty(loss) if not sums else loss)
                parts = [value.detach() * share for value in values]
                sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
        return sums

    def _values(self, inputs: Tensor, targets: Tensor) -> list[Tensor]:
        with self.precision.autocast():
            outputs = only_tensor(self.forward(inputs))
            loss = self.task.loss(outputs, targets)
        return [loss, *self.task.scalars(outputs, targets)]

    def _with_penalty(self, loss: Tensor) -> Tensor:
        if not self._is_penalized:
            return loss
        extra = penalty(list(self._weights), self._trainer.l1, self._trainer.l2)
        self.penalty = extra.detach()
        return loss + extra

    def _run_backward(self, loss: Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]

    def unscale(self) -> None:
        """Gradients in their true scale: before they are measured or clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)

    def update(self, group: Sequence[Batch]) -> None:
        """Clip and take the step."""
        clip = self._clip
        if clip is not None:
            if clip.norm is not None:
                self.grad_norm = nn.utils.clip_grad_norm_(self._parameters, clip.norm)
            if clip.value is not None:
                nn.utils.clip_grad_value_(self._parameters, clip.value)
        if self.scaler is not None:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        elif self._needs_closure:
            self.optimizer.step(lambda: self._backward(group)[0].item())
        else:
            self.optimizer.step()

    def _halve(self, size: int, error: Exception) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        # The failed forward's tensors hang on the traceback.
        error.__traceback__ = None
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
