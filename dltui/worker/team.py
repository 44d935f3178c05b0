"""Several processes that train one model: each computes its share of every batch (DDP).

The leader (rank 0) is the run's worker: it alone evaluates, records, saves and obeys. The others
are told before each step to go on and at what rate, so that a pause, a stop or a plateau in the
leader is one in all. Ranks and addresses come from torchrun's environment variables, or from the
leader, which then starts the others on its own machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from dltui.errors import TrainingError
from dltui.worker.networks import Networks

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.runs import RunFolder

_PATIENCE = timedelta(days=30)
"""A paused leader says nothing for as long as it likes."""
_GO, _END = 1.0, 0.0
_HERE = "127.0.0.1"
_LOOK_EVERY_S = 0.1
LEADER = "DLTUI_LEADER"
"""The environment variable that names the process whose end is a follower's end too."""


@dataclass(slots=True)
class Team:
    """The processes of one training, seen from one of them."""

    rank: int
    size: int
    device: torch.device
    _orders: Any
    """The group over which the leader tells what comes; always on the CPU."""
    _followers: Sequence[subprocess.Popen[bytes]] = field(default=())

    @property
    def share(self) -> tuple[int, int]:
        """Which share of each batch is this process's, and of how many."""
        return self.rank, self.size

    def wrapped(self, plain: Networks) -> Networks:
        """The networks with gradients averaged over the team."""
        ids = [self.device.index] if self.device.type == "cuda" else None
        forwards = {
            name: DistributedDataParallel(module, device_ids=ids)
            for name, module in plain.modules().items()
        }
        return Networks(plain.module, forwards, is_shared=True)

    def hand_out(self, state: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the leader gives, in every process: where to begin, weights, optimiser state."""
        box = [state]
        dist.broadcast_object_list(box, src=0, group=self._orders)
        return dict(box[0] or {})

    def order_step(self, lr: float) -> None:
        """The leader: all take the coming step at this rate."""
        self._tell(_GO, lr)

    def await_order(self) -> float | None:
        """The others: the rate of the coming step, None at the end."""
        order = torch.zeros(2, dtype=torch.float64)
        dist.broadcast(order, src=0, group=self._orders)
        return float(order[1]) if order[0] == _GO else None

    def _tell(self, what: float, lr: float) -> None:
        order = torch.tensor([what, lr], dtype=torch.float64)
        dist.broadcast(order, src=0, group=self._orders)

    def averaged(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Each value's mean over the team; all shares are of one size."""
        row = torch.stack([value.detach().float() for value in values])
        dist.all_reduce(row)
        return list((row / self.size).unbind())

    def explain(self, error: RuntimeError) -> Exception:
        """A broken connection as what broke it: the process that has ended."""
        for rank, process in enumerate(self._followers, start=1):
            try:
                code = process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                continue
            return _ended(rank, self.size, code)
        return error

    def dismiss(self) -> None:
        """The leader: the others end."""
        try:
            self._tell(_END, 0.0)
        except RuntimeError as error:
            print(f"a process of the team was gone already: {error}", file=sys.stderr)
        for process in self._followers:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        dist.destroy_process_group()


def lead(recipe: Recipe, folder: RunFolder, device: torch.device) -> Team:
    """The leader's team: of torchrun's processes, else of processes started here.

    Raises TrainingError where one of those ends before it has joined.
    """
    if "RANK" in os.environ:
        return _joined(0, int(os.environ["WORLD_SIZE"]), device, [], store=None)
    size = recipe.trainer.devices
    store = TCPStore(_HERE, 0, size, is_master=True, wait_for_workers=False)
    followers = [_started(folder, rank, size, store.port) for rank in range(1, size)]
    for rank, process in enumerate(followers, start=1):
        while not store.check([_joined_key(rank)]):
            if process.poll() is not None:
                raise _ended(rank, size, process.returncode)
            time.sleep(_LOOK_EVERY_S)
    return _joined(0, size, device, followers, store)


def follow(device: torch.device) -> Team:
    """The team of a process that torchrun or the leader has started."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if LEADER not in os.environ:
        return _joined(rank, size, device, [], store=None)
    port = int(os.environ["MASTER_PORT"])
    store = TCPStore(_HERE, port, size, is_master=False, wait_for_workers=False)
    store.set(_joined_key(rank), "1")
    return _joined(rank, size, device, [], store)


def _joined_key(rank: int) -> str:
    return f"dltui/joined/{rank}"


def _started(folder: RunFolder, rank: int, size: int, port: int) -> subprocess.Popen[bytes]:
    environ = {
        **os.environ,
        "MASTER_ADDR": _HERE,
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        LEADER: str(os.getpid()),
    }
    command = [sys.executable, "-m", "dltui.worker", str(folder.path)]
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)


def _joined(
    rank: int,
    size: int,
    device: torch.device,
    followers: Sequence[subprocess.Popen[bytes]],
    store: TCPStore | None,
) -> Team:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // size))
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    orders = dist.new_group(backend="gloo", timeout=_PATIENCE)
    return Team(rank, size, device, orders, followers)


def _ended(rank: int, size: int, code: int) -> TrainingError:
    return TrainingError(
        f"process {rank + 1} of {size} of this training ended with code {code}",
        remedy="its last words are in worker.log; resume goes on from the last checkpoint",
    )
