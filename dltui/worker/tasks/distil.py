"""A small network learns what a large one says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.errors import RecipeError
from dltui.graph.pretrained import pretrained_model
from dltui.recipe.nodes import Model, Pretrained
from dltui.recipe.tasks.distil import Distil
from dltui.worker.tasks.base import Phase, only_tensor
from dltui.worker.tasks.classify import ClassifyTask

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.recipe.data_info import DataInfo
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

_AT = ("task", "teacher")


class DistilTask(ClassifyTask):
    """Logits `(N, C)` of the student against those of a teacher and the labels.

    alpha · T² · KL(teacher ‖ student, both at temperature T) + (1 − alpha) · cross-entropy.
    Evaluation is that of a classifier: its loss is the cross-entropy alone.
    """

    scalar_names: ClassVar[tuple[str, ...]] = ("accuracy", "agreement")

    def __init__(self, recipe: Recipe, info: DataInfo):
        super().__init__(recipe, info)
        self.section: Distil = recipe.task

    def check(self) -> None:
        self.teacher = self._trained(meta=True).eval()
        self._check(torch.device("meta"))

    def prepare(self, data: Data, device: torch.device) -> None:
        self.loss_of = functional.cross_entropy
        # The student starts the same whoever teaches.
        with torch.random.fork_rng([]):
            self.teacher = self._trained(meta=False).to(device).eval().requires_grad_(False)
        self._check(device)

    def _trained(self, *, meta: bool) -> nn.Module:
        section, at = self.section, _AT[:-1]
        source = Pretrained(section.teacher, at, weights=section.teacher_weights)
        recipe = replace(self.recipe, models={"model": Model(at, pretrained=source)})
        return pretrained_model(recipe, self.info, meta=meta, key=_AT[-1])

    def _check(self, device: torch.device) -> None:
        example = torch.zeros(2, *self.info.shape, device=device)
        try:
            said = self._said(example)
        except (RuntimeError, ValueError, TypeError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            text = f"the teacher cannot take these examples: {reason}"
            raise RecipeError([self.recipe.problem(_AT, text)]) from error
        if said.shape != (2, self.info.classes):
            given = "×".join(map(str, said.shape[1:]))
            text = f"the teacher gives {given} numbers, and there are {self.info.classes} classes"
            raise RecipeError([self.recipe.problem(_AT, text)])

    @torch.no_grad()
    def _said(self, inputs: Any) -> Tensor:
        return only_tensor(self.teacher(inputs))

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        outputs, said = only_tensor(networks.main(batch.inputs)), self._said(batch.inputs)
        alpha, temperature = self.section.alpha, self.section.temperature
        loss = (1 - alpha) * self.loss(outputs, batch.targets)
        loss = loss + alpha * soft_loss(outputs, said, temperature)
        agreement = (outputs.detach().argmax(1) == said.argmax(1)).float().mean()
        return [loss, *self.scalars(outputs, batch.targets), agreement]


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL of the softened classes of logits `(N, C)`, averaged over the examples.

    T² keeps the gradients' size whatever the temperature (Hinton et al. 2015, section 2.1).
    """
    said = functional.log_softmax(teacher.float() / temperature, dim=1)
    guessed = functional.log_softmax(student.float() / temperature, dim=1)
    divergence = functional.kl_div(guessed, said, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


TASK = DistilTask
