"""What a network makes of one example: activations by layer, saliency, Grad-CAM, attention.

`python -m dltui.worker.looking RUN OUT [--step N] [--part val] [--example I]` prints one JSON
object and writes the pictures that it names into the folder OUT. Exit code 0, or 2 with a message
on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name that torch's own documentation uses)

from dltui.errors import DataError, DltuiError
from dltui.graph import compile_model
from dltui.graph.attention_maps import attention_layers, recorded_attention
from dltui.recipe import Recipe, load_recipe
from dltui.runs import open_run
from dltui.runs.checkpoints import checkpoint_at, step_of
from dltui.worker.checkpoints import read_weights
from dltui.worker.data import Batch, Data, open_data
from dltui.worker.data.example import png_bytes
from dltui.worker.networks import plain_networks
from dltui.worker.tasks import Task, build_task

_MOST_PROBABLE = 5
_SIDE = 224
"""Pixels of a map that is laid over an input, in each direction at most."""


@dataclass(slots=True)
class Loaded:
    """A run's network with the weights of a checkpoint, at rest on the CPU, and one example."""

    recipe: Recipe
    data: Data
    model: nn.Module
    task: Task
    batch: Batch
    part: str


class Pictures:
    """PNG files of the answer."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.listed: list[dict[str, Any]] = []

    def add(self, kind: str, png: bytes, **about: Any) -> None:
        """Writes one and lists it."""
        name = f"{len(self.listed):03d}-{kind}.png"
        (self._folder / name).write_bytes(png)
        self.listed.append({"kind": kind, "file": name, **about})

    def add_map(self, kind: str, values: Tensor, **about: Any) -> None:
        """A map `(H, W)` of numbers from zero up, the largest white."""
        bright = values / values.amax().clamp_min(1e-12)
        self.add(kind, png_bytes(bright.unsqueeze(0)), **about)


def look(run: Path, out: Path, step: int | None, part: str | None, index: int) -> dict[str, Any]:
    """The object of the module's docstring.

    Raises DltuiError where the run, its data or the checkpoint cannot be read, or the part has no
    such example.
    """
    folder = open_run(run.absolute())
    checkpoint = checkpoint_at(folder.checkpoints, step)
    recipe = load_recipe(folder.resolved)
    torch.manual_seed(recipe.trainer.seed)
    data = open_data(recipe, seed=recipe.trainer.seed, device="cpu")
    try:
        chosen = part or ("val" if data.val is not None else "train")
        batch = _example(data, chosen, index)
        model = compile_model(recipe, data.info)
        task = build_task(recipe, data.info)
        task.prepare(data, torch.device("cpu"))
        model.load_state_dict(read_weights(checkpoint, averaged=True))
        model.eval()
        loaded = Loaded(recipe, data, model, task, batch, chosen)
        return {
            "run": folder.id,
            "step": step_of(checkpoint),
            **_answer(loaded, index, Pictures(out)),
        }
    finally:
        data.close()


def _answer(loaded: Loaded, index: int, pictures: Pictures) -> dict[str, Any]:
    example = loaded.data.decode_example(loaded.part, index)
    if example.image is not None:
        pictures.add("input", example.image)
    layers, maps = _activations(loaded)
    for name, weights in maps.items():
        for head, map_of_head in enumerate(weights[0]):
            pictures.add_map("attention", map_of_head, layer=name, head=head)
    prediction = _explained(loaded, pictures) if loaded.recipe.task.type == "classify" else None
    return {
        "part": loaded.part,
        "example": {
            "index": index,
            "target": example.target,
            "text": example.text,
            "values": example.values,
        },
        "prediction": prediction,
        "layers": layers,
        "pictures": pictures.listed,
    }


def _example(data: Data, part: str, index: int) -> Batch:
    """One example of a part as a batch of one. Raises DataError where there is none."""
    batches = {"train": data.train, "val": data.val, "test": data.test}.get(part)
    if batches is None:
        there = [name for name in ("train", "val", "test") if name in data.parts]
        raise DataError(f"this data has no part {part!r}", remedy=f"parts: {', '.join(there)}")
    if not 0 <= index < batches.size:
        raise DataError(
            f"there is no example {index:,} in {part!r}", remedy=f"0 to {batches.size - 1:,}"
        )
    for batch in batches.epoch(0):
        for one in batch.split(1):
            if int(one.indices[0]) == index:
                return one
    raise DataError(f"example {index:,} of {part!r} is in no batch of the first epoch")


@torch.no_grad()
def _activations(loaded: Loaded) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """Figures of what every innermost layer gives, in the order of the forward pass, and what the
    attention layers look at, `(1, heads, T, S)` by name."""
    found: list[dict[str, Any]] = []

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.numel():
                found.append(_figures(name, type(module).__name__, output))

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in loaded.model.named_modules()
        if name and next(module.children(), None) is None
    ]
    networks = plain_networks(loaded.model, tuple(loaded.recipe.models))
    try:
        loaded.task.evaluate(networks, loaded.batch)
    finally:
        for handle in handles:
            handle.remove()
    if not attention_layers(loaded.model):
        return found, {}
    # A pass of its own: what attends is computed twice then, and would be listed twice.
    with recorded_attention(loaded.model) as maps:
        loaded.task.evaluate(networks, loaded.batch)
    return found, maps


def _figures(name: str, kind: str, output: Tensor) -> dict[str, Any]:
    values = output.float() if not output.is_complex() else output.abs().float()
    finite = values[values.isfinite()]
    there = finite if finite.numel() else torch.zeros(1)
    return {
        "name": name,
        "type": kind,
        "shape": list(output.shape),
        "mean": float(there.mean()),
        "std": float(there.std(correction=0)),
        "min": float(there.amin()),
        "max": float(there.amax()),
        "zeros": float((values == 0).float().mean()),
        "non_finite": int(values.numel() - finite.numel()),
    }


def _explained(loaded: Loaded, pictures: Pictures) -> list[dict[str, Any]] | None:
    """The most probable classes; for pictures, where the answer comes from.

    Saliency is |∂score/∂pixel|, its largest channel (Simonyan et al., 2014). Grad-CAM is
    ReLU(Σ α A) over the channels of the last layer with a map, α the mean gradient of each
    (Selvaraju et al., 2017).
    """
    inputs = loaded.batch.inputs
    if not isinstance(inputs, Tensor):
        return None
    is_picture = inputs.is_floating_point() and inputs.ndim == 4
    leaf = inputs.detach().clone().requires_grad_(inputs.is_floating_point())
    with LastMap(loaded.model) as last:
        scores = plain_networks(loaded.model, tuple(loaded.recipe.models)).main(leaf)
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        return None
    chances, classes = scores[0].detach().softmax(0).topk(min(_MOST_PROBABLE, scores.shape[1]))
    if is_picture and scores.requires_grad:
        torch.autograd.backward(scores[0, classes[0]])
        assert leaf.grad is not None
        pictures.add_map("saliency", leaf.grad[0].abs().amax(0))
        if last.output is not None and last.output.grad is not None:
            share = last.output.grad.mean((2, 3), keepdim=True)
            cam = F.relu((share * last.output.detach()).sum(1, keepdim=True))
            size = [min(side, _SIDE) for side in leaf.shape[2:]]
            wide = F.interpolate(cam, size, mode="bilinear", align_corners=False)
            pictures.add_map("grad_cam", wide[0, 0], layer=last.name)
    names = loaded.data.info.class_names
    return [
        {"class": int(number), "name": names[number] if names else None, "probability": float(p)}
        for number, p in zip(classes.tolist(), chances.tolist(), strict=True)
    ]


class LastMap:
    """Keeps, with its gradient, a layer's last output `(N, C, H, W)` of more than one pixel."""

    def __init__(self, model: nn.Module):
        self._model = model
        self.name = ""
        self.output: Tensor | None = None

    def __enter__(self) -> LastMap:
        self._handles = [
            module.register_forward_hook(self._keep(name))
            for name, module in self._model.named_modules()
            if name and next(module.children(), None) is None
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _keep(self, name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            is_map = isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1
            if is_map and output.requires_grad:
                output.retain_grad()
                self.name, self.output = name, output

        return hook


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers on stdout; the exit code is the process's."""
    parser = argparse.ArgumentParser("python -m dltui.worker.looking")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--step", type=int)
    parser.add_argument("--part")
    parser.add_argument("--example", type=int, default=0)
    chosen = parser.parse_args(arguments)
    try:
        with redirect_stdout(sys.stderr):
            answer = look(chosen.run, chosen.out, chosen.step, chosen.part, chosen.example)
    except DltuiError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
