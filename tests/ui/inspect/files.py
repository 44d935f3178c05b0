"""Small checkpoints for the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

Arrays = dict[str, np.ndarray]


def transformer(blocks: int = 3, width: int = 8) -> Arrays:
    """Names and shapes of a small transformer, with values of a normal distribution."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (20, width), "wpe.weight": (6, width)}
    for block in range(blocks):
        shapes[f"h.{block}.ln.weight"] = (width,)
        shapes[f"h.{block}.ln.bias"] = (width,)
        shapes[f"h.{block}.attn.weight"] = (width, 3 * width)
        shapes[f"h.{block}.attn.bias"] = (3 * width,)
    shapes["head.weight"] = (20, width)
    return {n: random.normal(size=s).astype(np.float32) for n, s in shapes.items()}


def saved(folder: Path, arrays: Arrays | None = None, **metadata: str) -> Path:
    """A safetensors file of these arrays."""
    path = folder / "model.safetensors"
    save_file(transformer() if arrays is None else arrays, path, metadata or None)
    return path
