"""The shipped recipes trained for a few steps in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dltui.recipe import load_recipe
from dltui.runs import MetricReader, RunFolder, Status, create_run, read_status
from tests.worker.conftest import train

STEPS = 20
_QUICK = (
    "trainer.epochs=null",
    f"trainer.steps={STEPS}",
    "trainer.device=cpu",
    "trainer.evaluate_every_epochs=null",
    f"trainer.evaluate_every_steps={STEPS}",
    "data.workers=0",
)


def trained_shortly(
    name: str, tmp_path: Path, *overrides: str, metric: str | None = None
) -> RunFolder:
    """Trains the recipe for `STEPS` steps and one evaluation, to finite figures at the last.

    `metric` is one that the validation must give.
    """
    recipe = load_recipe(name, [*_QUICK, *overrides])
    status = Status(recipe=name)
    folder = create_run(
        tmp_path / "runs", recipe.name, recipe.source_text, recipe.resolved_yaml(), status
    )
    assert train(folder) == 0
    assert read_status(folder.path).step == STEPS
    assert np.isfinite(_recorded(folder, "train", "loss", STEPS)[-1])
    if metric is not None:
        assert np.isfinite(_recorded(folder, "val", metric, 1)).all()
    return folder


def _recorded(folder: RunFolder, group: str, column: str, count: int) -> np.ndarray:
    reader = MetricReader(folder.metric_log(group))
    reader.poll()
    values: np.ndarray = reader.values[:, reader.columns.index(column)]
    assert len(values) == count
    return values
