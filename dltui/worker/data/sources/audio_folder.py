"""A folder of WAV files, one subfolder a class."""

from __future__ import annotations

import wave
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import AudioFolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples, TensorExamples
from dltui.worker.data.sources.broken_files import all_broken, skipped_note
from dltui.worker.data.sources.class_folders import (
    ClassFolders,
    FileKind,
    class_folders,
    promised_folders,
)
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task

_WAVES = FileKind(
    "WAV files",
    "Put the files of each class in a subfolder of its own: yes/1.wav, no/1.wav.",
    frozenset((".wav",)),
)


@dataclass(slots=True)
class _Skipped:
    """Files left out, with the reason; `rates` counts the sampling rates of others."""

    files: list[str] = field(default_factory=list)
    rates: Counter[int] = field(default_factory=Counter)


def outline(section: AudioFolderData, task: str) -> Outline:
    """Lists the folder; without it the model can be shown with the recipe's classes."""
    return _listed(section, task)[0]


def _listed(section: AudioFolderData, task: str) -> tuple[Outline, ClassFolders]:
    root = Path(section.path).expanduser()
    promised = section.classes is not None and not root.exists()
    if promised and section.classes is not None:
        found = promised_folders(section.path, section.classes)
    else:
        found = class_folders(root, _WAVES)
    info = DataInfo(
        shape=(1, round(section.seconds * section.rate)),
        dtype="float32",
        target="class",
        classes=len(found.classes),
        class_names=found.classes,
        needs_download=promised,
        notes=found.notes,
    )
    check_task(info, task, f"the folder {section.path}")
    return Outline(info, {name: len(files) for name, (files, _) in found.parts.items()}), found


def read(section: AudioFolderData, task: str, say: Say | None = None) -> Loaded:
    """Waveforms `(N, 1, samples)` in −1 to 1, cut or filled with silence to `data.seconds`.

    Files that are broken or of another sampling rate are left out, named with the reason.
    """
    root = Path(section.path).expanduser()
    known, found = _listed(section.model_copy(update={"classes": None}), task)
    parts: dict[str, Examples] = {}
    bad: list[str] = []
    for name, (files, labels) in found.parts.items():
        skipped = _Skipped()
        waves, kept = _waves(files, section.rate, known.info.shape[1], skipped)
        if not kept:
            raise _none_fits(name, files, root, section.rate, skipped)
        bad += skipped.files
        targets = torch.tensor(labels)[torch.tensor(kept)]
        parts[name] = TensorExamples(torch.stack(waves).unsqueeze(1), targets)
    return Loaded(known, parts, "audio", notes=skipped_note("files", bad, root))


def _waves(
    files: Sequence[Path], rate: int, samples: int, skipped: _Skipped
) -> tuple[list[Tensor], list[int]]:
    """The sounds `(samples,)` that fit, and which of the files they are."""
    waves: list[Tensor] = []
    kept: list[int] = []
    for number, path in enumerate(files):
        try:
            found, sound = read_wave(path)
        except (wave.Error, EOFError, OSError, ValueError) as error:
            skipped.files.append(f"{path} ({error or 'it is cut off'})")
            continue
        if found != rate:
            skipped.rates[found] += 1
            skipped.files.append(f"{path} ({found} samples a second, not {rate})")
            continue
        waves.append(torch.nn.functional.pad(sound[:samples], (0, max(0, samples - len(sound)))))
        kept.append(number)
    return waves, kept


def _none_fits(
    part: str, files: Sequence[Path], root: Path, rate: int, skipped: _Skipped
) -> DataError:
    if not skipped.rates:
        return all_broken(part, files, root, skipped.files[0], what=_WAVES.name)
    usual = skipped.rates.most_common(1)[0][0]
    return DataError(
        f"no file has {rate} samples a second; most have {usual}",
        where="data.rate",
        remedy=f"Set data.rate={usual}.",
    )


def read_wave(path: Path) -> tuple[int, Tensor]:
    """Samples a second, and the mean of the channels `(samples,)` in −1 to 1, of a PCM WAV file.

    Raises wave.Error, EOFError, OSError or ValueError where it is none.
    """
    with wave.open(str(path), "rb") as opened:
        rate, width, channels = (
            opened.getframerate(),
            opened.getsampwidth(),
            opened.getnchannels(),
        )
        frames, raw = opened.getnframes(), opened.readframes(opened.getnframes())
    if not frames or len(raw) < frames * width * channels:
        raise ValueError("it is empty" if not frames else "it is cut off")
    numbers = np.frombuffer(raw, np.uint8).reshape(-1, width)
    if width == 1:  # the only width without a sign
        values = numbers[:, 0].astype(np.float64) / 128 - 1
    else:
        wide = np.zeros((len(numbers), 4), np.uint8)
        wide[:, 4 - width :] = numbers
        values = wide.view("<i4")[:, 0] / 2.0**31
    mono = values.reshape(-1, channels).mean(1)
    return rate, torch.from_numpy(mono.astype(np.float32))
