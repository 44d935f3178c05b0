"""A folder of WAV files, one subfolder a class."""

from __future__ import annotations

import wave
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo
from dltui.recipe.schema.data import AudioFolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import TensorExamples
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.sources.picture_files import all_broken, skipped_note


def outline(section: AudioFolderData, task: str) -> Outline:
    """Lists the folder; without it the model can be shown with the recipe's classes."""
    root = Path(section.path).expanduser()
    if section.classes is not None and not root.exists():
        note = f"there is no folder {section.path} yet: shown with {section.classes} classes"
        names = tuple(f"class {number}" for number in range(section.classes))
        info = replace(_info(section, task, names), needs_download=True, notes=(note,))
        return Outline(info, {})
    files = _files(root)
    info = _info(section, task, tuple(files))
    return Outline(info, {"all": sum(map(len, files.values()))})


def _info(section: AudioFolderData, task: str, names: tuple[str, ...]) -> DataInfo:
    info = DataInfo(
        shape=(1, round(section.seconds * section.rate)),
        dtype="float32",
        target="class",
        classes=len(names),
        class_names=names,
    )
    check_task(info, task, f"the folder {section.path}")
    return info


def _files(root: Path) -> dict[str, list[Path]]:
    if not root.is_dir():
        raise DataError("there is no such folder", where=str(root), remedy="Set data.path.")
    found = {
        folder.name: sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".wav")
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    found = {name: files for name, files in found.items() if files}
    if len(found) < 2:
        raise DataError(
            "two subfolders or more with WAV files are needed, one a class",
            where=str(root),
            remedy="Put the files in folders: yes/1.wav, no/1.wav.",
        )
    return found


def read(section: AudioFolderData, task: str, say: Say | None = None) -> Loaded:
    """Waveforms `(N, 1, samples)` in −1 to 1, cut or filled with silence to `data.seconds`.

    Files that are broken or of another sampling rate are left out, named with the reason.
    """
    root = Path(section.path).expanduser()
    known = outline(section, task)
    files = _files(root)
    samples = known.info.shape[1]
    waves: list[Tensor] = []
    labels: list[int] = []
    bad: list[str] = []
    rates: Counter[int] = Counter()
    for label, paths in enumerate(files.values()):
        for path in paths:
            try:
                rate, sound = read_wave(path)
            except (wave.Error, EOFError, OSError, ValueError) as error:
                bad.append(f"{path} ({error or 'it is cut off'})")
                continue
            if rate != section.rate:
                rates[rate] += 1
                bad.append(f"{path} ({rate} samples a second, not {section.rate})")
                continue
            waves.append(
                torch.nn.functional.pad(sound[:samples], (0, max(0, samples - len(sound))))
            )
            labels.append(label)
    if not waves and rates:
        raise DataError(
            f"no file has {section.rate} samples a second; most have {rates.most_common(1)[0][0]}",
            where="data.rate",
            remedy=f"Set data.rate={rates.most_common(1)[0][0]}.",
        )
    if not waves:
        raise all_broken("all", [p for paths in files.values() for p in paths], root, bad[0])
    examples = TensorExamples(torch.stack(waves).unsqueeze(1), torch.tensor(labels))
    return Loaded(known, {"all": examples}, "audio", notes=skipped_note("files", bad, root))


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
