"""One example as a person looks at it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from dltui.graph.modules.audio import Spectrogram
from dltui.worker.data.examples import Examples
from dltui.worker.data.sources.loaded import Loaded
from dltui.worker.data.tensors import first


@dataclass(frozen=True, slots=True)
class Example:
    """An example of a part: one of `image` (PNG bytes), `text` and `values` is set.

    `target` is a class number, a list of numbers, or None for text without a class.
    """

    index: int
    target: int | list[float] | None
    image: bytes | None = None
    text: str | None = None
    values: dict[str, float] | None = None


def decoded_example(examples: Examples, loaded: Loaded, index: int) -> Example:
    """Example `index` of a part, without augmentation. Of one-hot columns only the set one."""
    raw = examples.fetch(torch.tensor([index]), None)
    inputs = first(raw.inputs)[0]
    if loaded.kind == "text":
        text = loaded.tokenizer.decode(inputs) if loaded.tokenizer is not None else None
        has_class = loaded.outline.info.target == "class"
        return Example(index, _target(raw.targets[0]) if has_class else None, text=text)
    target = _target(raw.targets[0])
    if loaded.kind == "images":
        return Example(index, target, image=png_bytes(inputs))
    if loaded.kind == "audio":
        return Example(index, target, image=png_bytes(_heard(inputs)))
    names = loaded.outline.info.feature_names
    if len(names) != inputs.numel():
        names = tuple(f"x{number}" for number in range(inputs.numel()))
    one_hot = (
        torch.zeros(inputs.numel(), dtype=torch.bool) if loaded.numeric is None else ~loaded.numeric
    )
    cells = zip(names, inputs.flatten().tolist(), one_hot.tolist(), strict=True)
    values = {name: value for name, value, is_flag in cells if value or not is_flag}
    return Example(index, target, values=values)


def png_bytes(pixels: Tensor) -> bytes:
    """A PNG of uint8 pixels `(1 or 3, H, W)`; floats are taken to lie in 0 to 1."""
    if pixels.dtype != torch.uint8:
        pixels = pixels.clamp(0, 1).mul(255).round().to(torch.uint8)
    rows = pixels.cpu().numpy()
    picture = Image.fromarray(rows[0] if len(rows) != 3 else rows.transpose(1, 2, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _heard(wave: Tensor) -> Tensor:
    """The spectrogram of a waveform `(1, samples)` in 0 to 1 `(1, 65, frames)`, low tones below."""
    power: Tensor = Spectrogram(128, max(64, wave.shape[1] // 192), log=True)(wave.unsqueeze(0))[0]
    low, high = power.amin(), power.amax()
    return ((power - low) / (high - low).clamp_min(1e-9)).flip(1)


def _target(target: Tensor) -> int | list[float]:
    if target.ndim == 0 and not target.is_floating_point():
        return int(target)
    return [float(number) for number in target.flatten().tolist()]
