"""The recipe's `callbacks:`: the user's own code at the turning points of a training.

```python
import dltui

@dltui.callback("notes")
class Notes:
    def __init__(self, every=100):            # `args:` of the recipe
        self.every = every

    def on_start(self, view): ...              # before the first step, also after a resume
    def on_step_end(self, view): ...           # after each optimiser step
    def on_evaluation(self, view):             # after each evaluation
        view.say(f"accuracy {view.metrics['val/accuracy']:.3f}")
    def on_end(self, view): ...                # finished or stopped, the checkpoint written
```

Each method may be left out. `view` is a `View`. An exception ends the training as failed, with
the plugin's own line. Numbers drawn from torch's global generator change the training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from dltui.graph.plugins import callback_named, load_plugins, plugin_failure

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.worker.training import Training

Moment = Literal["on_start", "on_step_end", "on_evaluation", "on_end"]


@dataclass(frozen=True, slots=True)
class View:
    """What a callback sees. `step` counts optimiser steps done, `epoch` passes, with fraction.

    `metrics` are the last values by full name, `val/accuracy`. `model` is the live model, to be
    looked at under `torch.no_grad()`. `folder` is the run's; files of one's own may go there.
    `say` adds a line to the run's log.
    """

    step: int
    epoch: float
    steps_total: int
    metrics: Mapping[str, float]
    model: nn.Module
    device: torch.device
    folder: Path
    say: Callable[[str], None]


class Callbacks:
    """The callbacks of a recipe, made once a training."""

    def __init__(self, recipe: Recipe):
        """Raises PluginError, at the plugin's own line, where one cannot be made."""
        self._made: list[tuple[str, str, Any]] = []
        if recipe.callbacks:
            load_plugins(recipe)
        for section in recipe.callbacks:
            plugin = callback_named(section.type)
            try:
                made = plugin.make(**section.args)
            except Exception as error:
                what = f"the callback {section.type} cannot be made"
                raise plugin_failure(error, what, plugin.where) from error
            self._made.append((section.type, plugin.where, made))

    def wants(self, moment: Moment) -> bool:
        """Whether any callback has this method."""
        return any(hasattr(made, moment) for _, _, made in self._made)

    def call(self, moment: Moment, view: View) -> None:
        """Calls the method of every callback that has it, in the recipe's order.

        Raises PluginError at the plugin's own line.
        """
        for name, where, made in self._made:
            method = getattr(made, moment, None)
            if method is None:
                continue
            try:
                method(view)
            except Exception as error:
                what = f"the callback {name} failed in {moment}"
                raise plugin_failure(error, what, where) from error


def view_of(training: Training) -> View:
    """The training as it is now."""
    record, steps = training.record, training.parts.steps
    return View(
        step=training.step,
        epoch=training.step / steps.per_epoch,
        steps_total=training.fold.first_step + steps.total,
        metrics=MappingProxyType({**record.status.metrics, **training.train_values()}),
        model=training.parts.model,
        device=training.device,
        folder=record.folder.path,
        say=lambda text: record.event("log", text),
    )
