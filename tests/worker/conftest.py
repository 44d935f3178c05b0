"""Small real runs for the tests of the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dltui.recipe import load_recipe
from dltui.runs import RunFolder, Status, create_run, read_status
from dltui.worker.control import Control, StopTraining
from dltui.worker.data import open_data
from dltui.worker.record import RunRecord
from dltui.worker.session import Session
from dltui.worker.start import work
from dltui.worker.tasks import Task, build_task

DIGITS = """
dltui: 1
name: digits
data: {type: builtin, name: digits, batch_size: 32, limit: 300, augment: [{crop: {padding: 1}}]}
model:
  layers:
    - conv: {out: 8, bias: false}
    - bn
    - relu
    - dropout: 0.2
    - flatten
    - linear: $(data.classes)
task: {type: classify}
optimizer: {type: adamw, lr: 0.01}
trainer: {epochs: 3, device: cpu}
"""

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """`make_run(recipe_text, *overrides, parent=None)` makes a run folder to be worked on."""

    def make(text: str = DIGITS, *overrides: str, parent: str | None = None) -> RunFolder:
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        recipe = load_recipe(path, overrides)
        status = Status(recipe=str(path), parent=parent)
        return create_run(tmp_path / "runs", recipe.name, text, recipe.resolved_yaml(), status)

    return make


class StopAt(Control):
    """Stops the training before the step that follows `step`, as a command would."""

    def __init__(self, step: int):
        self.step = step

    def listen(self) -> None:
        """No signals in tests."""

    def obey(self, training: Any, now_s: float) -> None:
        if training.step == self.step:
            raise StopTraining("by the test")


def train(folder: RunFolder, *, resume: bool = False) -> int:
    """Work on a run in this process, to its end."""
    return work(folder, resume=resume)


def train_until(folder: RunFolder, step: int, *, resume: bool = False) -> None:
    """Work on a run in this process and stop it, with a checkpoint, after `step`."""
    record = RunRecord(folder, read_status(folder.path))
    session = Session(folder, record, load_recipe(folder.resolved), resume=resume)
    session.control = StopAt(step)
    with pytest.raises(StopTraining):
        session.run()
    assert session.training is not None
    session.training.save_checkpoint()
    record.close()


def last_weights(folder: RunFolder) -> dict[str, torch.Tensor]:
    """The weights of the newest checkpoint."""
    name = (folder.checkpoints / "latest").read_text().strip()
    found: dict[str, torch.Tensor] = torch.load(
        folder.checkpoints / name / "model.pt", weights_only=True
    )
    return found


def same_weights(a: RunFolder, b: RunFolder) -> bool:
    """Whether two runs ended in bitwise the same weights."""
    first, second = last_weights(a), last_weights(b)
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def resumed_bitwise(make: Callable[[], RunFolder], step: int) -> RunFolder:
    """A run to its end; another, stopped after `step` and resumed, must end in its weights."""
    whole, parted = make(), make()
    assert train(whole) == 0
    train_until(parted, step)
    assert train(parted, resume=True) == 0
    assert same_weights(whole, parted)
    return whole


def prepared_task(recipe_text: str, folder: Path) -> Task:
    """The task of a recipe, with its data opened on the CPU."""
    path = folder / "recipe.yaml"
    path.write_text(recipe_text)
    recipe = load_recipe(path)
    data = open_data(recipe, seed=0, device="cpu")
    task = build_task(recipe, data.info)
    task.prepare(data, torch.device("cpu"))
    return task
