"""environment.json: what ran where, enough to run it again."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import dltui
from dltui.worker.device import device_name

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_PACKAGES = ("torch", "torchvision", "torchmetrics", "numpy", "scikit-learn", "pydantic")


def environment(recipe: Recipe, device: torch.device, precision: str) -> dict[str, Any]:
    """Versions, git commit of the working directory, hardware, seed and command of this run."""
    return {
        "time": time.time(),
        "dltui": dltui.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "host": platform.node(),
        "cpu": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device_name(device),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "precision": precision,
        "deterministic": recipe.trainer.deterministic,
        "seed": recipe.trainer.seed,
        "recipe_hash": recipe.hash(),
        "git": git_state(Path.cwd()),
        "folder": str(Path.cwd()),
        "command": list(sys.argv),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_state(folder: Path) -> dict[str, Any] | None:
    """`{"commit", "changed"}` of the repository that holds `folder`; None outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "-uno"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
