"""Where the training runs and in which precision."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dltui.errors import DeviceError, RecipeError
from dltui.recipe.schema.training import TrainerSection

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_COMPILE_STEPS = 5_000
_COMPILE_PARAMETERS = 5_000_000


def check_devices(recipe: Recipe) -> None:
    """Raises RecipeError where this training cannot be shared by as many devices as it asks for."""
    count, text = recipe.trainer.devices, ""
    if count == 1:
        return
    device = choose_device(recipe.trainer.device)
    if device.type == "mps":
        text = "Apple's devices cannot share a training; write devices: 1"
    elif device.type == "cuda" and torch.cuda.device_count() < count:
        text = f"this machine has {torch.cuda.device_count()} CUDA devices"
    elif len(recipe.optimizers) > 1 or tuple(recipe.models) != ("model",):
        text = "several networks train on one device; write devices: 1"
    elif recipe.data.kfold is not None:
        text = "cross-validation trains on one device; write devices: 1"
    elif recipe.data.batch_size < count:
        text = f"a batch of {recipe.data.batch_size} cannot be shared by {count} devices"
    if text:
        raise RecipeError([recipe.problem(("trainer", "devices"), text)])


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device called `name`; `auto` takes a CUDA device, else Apple's, else the CPU.

    `local_rank` counts the processes of this machine that share a training.
    Raises DeviceError where it is not on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"no device is called {name!r}", remedy=_REMEDY) from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type == "mps" and _has_mps():
        return device
    if device.type != "cuda":
        raise DeviceError(f"this machine has no device {name!r}", remedy=_REMEDY)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = (device.index or 0) + local_rank
    if index >= count:
        found = f"it has {count} CUDA device{'s' * (count != 1)}"
        raise DeviceError(f"this machine has no cuda:{index}; {found}", remedy=_REMEDY)
    return torch.device("cuda", index)


_REMEDY = "choose --device auto or cpu, or trainer.device in the recipe"


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def device_name(device: torch.device) -> str:
    """For people: `cuda:0 NVIDIA H100 80GB HBM3`, `cpu`."""
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return str(device)


def seed_everything(trainer: TrainerSection) -> None:
    """Python, numpy and torch from `trainer.seed`; deterministic kernels where asked for."""
    import numpy as np

    random.seed(trainer.seed)
    np.random.seed(trainer.seed % 2**32)
    torch.manual_seed(trainer.seed)
    if trainer.threads is not None:
        torch.set_num_threads(trainer.threads)
    if trainer.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    else:
        torch.backends.cudnn.benchmark = True


@dataclass(frozen=True, slots=True)
class Precision:
    """What the forward pass computes in; `name` is `float32`, `bf16` or `fp16`."""

    name: str
    autocast: Callable[[], AbstractContextManager[Any]]
    scaled: bool
    """Whether gradients are scaled up against underflow (fp16)."""


def choose_precision(recipe: Recipe, device: torch.device) -> Precision:
    """bf16 on a GPU that computes in it, else float32, unless the recipe says which.

    Raises RecipeError for fp16 on a device without it.
    """
    name: str = recipe.trainer.precision
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        name = "bf16" if fast else "float32"
    if name == "float32":
        return Precision(name, nullcontext, False)
    if name == "fp16" and device.type == "cpu":
        text = "fp16 needs a GPU; bf16 and float32 work on the CPU"
        raise RecipeError([recipe.problem(("trainer", "precision"), text)])
    kind = torch.bfloat16 if name == "bf16" else torch.float16
    return Precision(name, partial(torch.autocast, device.type, kind), name == "fp16")


def wants_channels_last(setting: bool | str, device: torch.device, shape: tuple[int, ...]) -> bool:
    """Images on a GPU by default: tensor cores want channels innermost."""
    if len(shape) != 3:
        return False
    return device.type == "cuda" if setting == "auto" else bool(setting)


def wants_compile(
    setting: bool | str, device: torch.device, model: nn.Module, total_steps: int
) -> bool:
    """By default only where the minutes of compiling come back: long GPU runs of larger models."""
    if setting != "auto":
        return bool(setting)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    long = total_steps >= _COMPILE_STEPS and parameters >= _COMPILE_PARAMETERS
    return long and device.type == "cuda"


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def check_memory(device: torch.device, needed_bytes: int) -> None:
    """Raises DeviceError where the device has less memory than is needed at the very least."""
    if device.type == "cuda":
        there = int(torch.cuda.get_device_properties(device).total_memory)
    else:
        import psutil  # only here

        there = int(psutil.virtual_memory().total)
    if needed_bytes > there:
        raise DeviceError(
            f"the model needs at least {needed_bytes / 2**30:.1f} GiB, "
            f"{device} has {there / 2**30:.1f} GiB",
            remedy="make the model smaller, or choose another device",
        )
