"""What evaluations of generative and sequence tasks leave, made up: for synthetic runs only."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
from PIL import Image

from dltui.runs import ArrayLog, RunFolder, pair_files, picture_files, publish_files

CLASSES = tuple("0123456789")
_WORDS = ("north", "harbour", "seven", "violet", "engine", "quiet", "marble", "lantern")
_SIDE = 16


def leave(task: str, run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    """Writes what the evaluation of `step` of this task leaves; `skill` goes from 0 to 1."""
    if task in ("autoencode", "vae"):
        _reconstructions(run, step, skill, random)
        _latent(run, step, skill, random)
    elif task == "detect":
        _boxes(run, step, skill, random)
    elif task == "forecast":
        _forecast(run, step, skill, random)
    elif task == "seq2seq":
        _pairs(run, step, skill, random)


def allow_settings(run: RunFolder, names: tuple[str, ...]) -> None:
    """Says in the run's environment what a person may set while it trains."""
    run.environment.write_text(json.dumps({"settable": list(names)}), encoding="utf-8")


def _reconstructions(run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    fixed = np.random.default_rng(0)
    inputs = [_shape(number, fixed) for number in range(8)]
    noise = [random.normal(0, 90 * (1 - skill), (_SIDE, _SIDE, 3)) for _ in inputs]
    outputs = [
        np.clip(skill * image + (1 - skill) * 110 + off, 0, 255)
        for image, off in zip(inputs, noise, strict=True)
    ]
    pictures = [(png(image), "") for image in inputs]
    pictures += [
        (png(image), f"mse {((image - before) ** 2).mean() / 65025:.3f}")
        for image, before in zip(outputs, inputs, strict=True)
    ]
    files = picture_files(
        step, "reconstructions", pictures, columns=8, row_labels=["input", "output"]
    )
    publish_files(run.samples, step, files)


def _boxes(run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    fixed = np.random.default_rng(1)
    pictures = []
    for number in range(6):
        image = np.full((64, 64, 3), 24, np.float64)
        left, top = fixed.integers(6, 30, 2)
        width, height = fixed.integers(14, 26, 2)
        image[top : top + height, left : left + width] = (86, 180, 233)
        off = (random.normal(0, 12 * (1 - skill), 4)).round().astype(int)
        corners = np.clip(np.array([left, top, left + width, top + height]) + off, 1, 62)
        x0, y0, x1, y1 = np.sort(corners.reshape(2, 2), axis=0).ravel()
        for color, (a, b, c, d) in (((240, 228, 66), (x0, y0, x1, y1)),):
            image[b : d + 1, [a, c]] = color
            image[[b, d], a : c + 1] = color
        pictures.append((png(image), f"square {0.4 + 0.58 * skill:.2f} #{number}"))
    publish_files(run.samples, step, picture_files(step, "boxes", pictures, columns=3))


def _latent(run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    label = np.tile(np.arange(10), 60)
    angle = label * 2 * np.pi / 10
    spread = 1.2 - 0.8 * skill
    x = 3 * skill * np.cos(angle) + random.normal(0, spread, label.size)
    y = 3 * skill * np.sin(angle) + random.normal(0, spread, label.size)
    meta = {"title": "latent space", "classes": list(CLASSES), "x_label": "z1", "y_label": "z2"}
    log = ArrayLog(run.array_log("scatter"))
    log.append(step, step / 100, meta, {"x": x, "y": y, "label": label.astype(np.int64)})
    log.close()


def _forecast(run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    time = np.arange(160, dtype=np.float64)
    names = ["sunspots", "passengers", "load"]
    truth = np.stack(
        [50 * (1 + k) + 30 * np.sin(time / (6 + 3 * k) + k) + time / 8 for k in range(len(names))]
    )
    prediction = np.full_like(truth, np.nan)
    ahead = slice(112, 160)
    off = random.normal(0, 22 * (1 - skill) + 1.5, prediction[:, ahead].shape)
    prediction[:, ahead] = truth[:, ahead] * (0.4 + 0.6 * skill) + off
    width = (6 + 25 * (1 - skill)) * np.sqrt(1 + np.arange(48) / 12)
    low, high = prediction.copy(), prediction.copy()
    low[:, ahead] -= width
    high[:, ahead] += width
    meta = {"title": "forecast", "names": names, "time_label": "month"}
    arrays = {"truth": truth, "prediction": prediction, "low": low, "high": high, "time": time}
    log = ArrayLog(run.array_log("series"))
    log.append(step, step / 100, meta, arrays)
    log.close()


def _pairs(run: RunFolder, step: int, skill: float, random: np.random.Generator) -> None:
    rows, good = [], []
    for word in _WORDS:
        truth = word[::-1]
        wrong = random.random(len(truth)) > 0.35 + 0.65 * skill
        output = "".join(
            chr(97 + int(random.integers(26))) if off else letter
            for letter, off in zip(truth, wrong, strict=True)
        )
        rows.append([word, truth, output])
        good.append(output == truth)
    publish_files(run.samples, step, pair_files(step, "reversed words", rows, good))


def _shape(number: int, random: np.random.Generator) -> np.ndarray:
    """A disc, ring or cross in a colour of its own, (side, side, 3) from 0 to 255."""
    down, across = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    far = np.hypot(down, across)
    inside = (
        far < 6,
        (far < 7) & (far > 3.5),
        (abs(down) < 2) | (abs(across) < 2),
    )[number % 3]
    color = random.integers(90, 256, 3)
    return np.where(inside[..., None], color, 16).astype(np.float64)


def png(pixels: np.ndarray) -> bytes:
    """A PNG of (H, W, 3) values from 0 to 255."""
    buffer = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
