"""Synthetic telephone numbers: the two tones of every key, in noise, drawn from a seed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import DialTonesData
from dltui.recipe.tasks import TASKS
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task

KEYS = "123A456B789C*0#D"
"""Row by row; each key sounds with the tone of its row and that of its column, ITU-T Q.23."""

_ROW_HZ = (697.0, 770.0, 852.0, 941.0)
_COLUMN_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
_TONE_S = (0.05, 0.12)
_PAUSE_S = (0.03, 0.1)
_PADDING = -100


def outline(section: DialTonesData, task: str) -> Outline:
    """Draws nothing."""
    least, most = _digits(section)
    single = "sequence" not in TASKS[task].learns
    info = DataInfo(
        shape=(1, _samples(section, 1 if single else most)),
        dtype="float32",
        target="class" if single else "sequence",
        classes=len(KEYS) if single else None,
        class_names=tuple(KEYS),
        vocab=None if single else len(KEYS),
        notes=(
            f"synthetic tones of {'1 key' if single else f'{least} to {most} keys'} each, "
            f"drawn from seed {section.seed}",
        ),
    )
    check_task(info, task, "dial tones")
    return Outline(info, {"all": section.count})


def _digits(section: DialTonesData) -> tuple[int, int]:
    if len(section.keys) != 2 or not 1 <= section.keys[0] <= section.keys[1]:
        raise DataError(
            f"{section.keys} is no range of keys in a number",
            where="data.keys",
            remedy="Give the fewest and the most: [3, 7].",
        )
    return section.keys[0], section.keys[1]


def _samples(section: DialTonesData, most: int) -> int:
    """Long enough for the longest number that can be drawn."""
    return math.ceil((_PAUSE_S[1] + most * (_TONE_S[1] + _PAUSE_S[1])) * section.rate)


def read(section: DialTonesData, task: str, say: Say | None = None) -> Loaded:
    """Waveforms `(N, 1, samples)`; targets `(N, L)` of key numbers, or `(N,)` of single keys."""
    known = outline(section, task)
    least, most = (1, 1) if known.info.target == "class" else _digits(section)
    chance = torch.Generator().manual_seed(section.seed)
    waves = torch.zeros(section.count, *known.info.shape)
    targets = torch.full((section.count, most), _PADDING)
    for number in range(section.count):
        count = int(torch.randint(least, most + 1, (1,), generator=chance))
        keys = torch.randint(len(KEYS), (count,), generator=chance)
        waves[number, 0] = _dialled(keys, section.rate, known.info.shape[1], chance)
        targets[number, :count] = keys
    waves += section.noise * torch.randn(waves.shape, generator=chance)
    if known.info.target == "class":
        targets = targets[:, 0]
    return Loaded(known, {"all": TensorExamples(waves, targets)}, "audio")


def _dialled(keys: Tensor, rate: int, samples: int, chance: torch.Generator) -> Tensor:
    """One number: tones of unequal length and loudness with pauses between them."""
    wave = torch.zeros(samples)
    drawn = torch.rand(len(keys), 5, generator=chance)
    start = 0
    for key, (pause, length, loud, first, second) in zip(
        keys.tolist(), drawn.tolist(), strict=True
    ):
        start += round((_PAUSE_S[0] + (_PAUSE_S[1] - _PAUSE_S[0]) * pause) * rate)
        count = round((_TONE_S[0] + (_TONE_S[1] - _TONE_S[0]) * length) * rate)
        time = torch.arange(count) / rate
        low = torch.sin(2 * math.pi * (_ROW_HZ[key // 4] * time + first))
        high = torch.sin(2 * math.pi * (_COLUMN_HZ[key % 4] * time + second))
        wave[start : start + count] = (0.1 + 0.2 * loud) * (low + high)
        start += count
    return wave
