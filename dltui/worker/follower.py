"""A process of a team that is not the leader: it learns in step and does nothing else."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import torch

from dltui.recipe import load_recipe
from dltui.worker.data import open_data
from dltui.worker.data.seeds import seed_of
from dltui.worker.device import choose_device, seed_everything
from dltui.worker.parts import build_parts
from dltui.worker.stepper import Stepper
from dltui.worker.team import LEADER, follow

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.runs import RunFolder
    from dltui.worker.data import Batch, Data

_LOOK_EVERY_S = 1.0


def follow_leader(folder: RunFolder) -> int:
    """Train in step with the leader of the run until it says that it is over; 0 then."""
    # Ctrl-C and a batch system's signals reach the whole group; the leader decides what follows.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    _end_with_leader()
    recipe = load_recipe(folder.resolved)
    team = follow(choose_device(recipe.trainer.device, int(os.environ.get("LOCAL_RANK", "0"))))
    seed_everything(recipe.trainer)
    data = open_data(recipe, seed=recipe.trainer.seed, device=team.device, share=team.share)
    parts = build_parts(recipe, data, team.device, team)
    begun = team.hand_out(None)
    parts.model.load_state_dict(begun["model"])
    for name, optimizer in parts.optimizers.items():
        optimizer.load_state_dict(begun["optimizers"][name])
    stepper = Stepper(
        parts.networks, parts.task, parts.optimizers, recipe.trainer, parts.precision,
        team.device, print,
    )  # fmt: skip
    parts.model.train()
    groups = _groups(recipe, data, begun["step"], parts.steps.per_epoch)
    step, (phase,) = begun["step"], stepper.phases
    while (lr := team.await_order()) is not None:
        # Drawn anew for each step, so that a resumed training draws the same.
        torch.manual_seed(seed_of(recipe.trainer.seed, "rank", team.rank, step))
        parts.set_learning_rate(lr)
        group = next(groups)
        loss = team.averaged(stepper.gradients(group, phase))[0]
        stepper.unscale(phase)
        if team.device.type == "cuda" or loss.isfinite():
            stepper.update(group, phase)
        step += 1
    data.close()
    return 0


def _groups(recipe: Recipe, data: Data, step: int, per_epoch: int) -> Iterator[list[Batch]]:
    """The micro-batches of every step from `step` on, as the leader takes them."""
    count = recipe.trainer.accumulate
    epoch, offset = divmod(step, per_epoch)
    while True:
        batches = iter(data.train.epoch(epoch, offset * count))
        while group := list(islice(batches, count)):
            yield group
        epoch, offset = epoch + 1, 0


def _end_with_leader() -> None:
    """Nothing may train on when the leader was killed: it could not say so."""
    leader = os.environ.get(LEADER)
    if leader is None:
        return

    def watch() -> None:
        while os.getppid() == int(leader):
            time.sleep(_LOOK_EVERY_S)
        print("the leading process is gone; this one ends", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, name="leader", daemon=True).start()
