"""WAV files by class: read exactly; what is broken or unequal is named with the reason."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest
import torch

from dltui.errors import DataError
from dltui.recipe import load_recipe
from dltui.worker.data import open_data
from dltui.worker.data.sources.audio_folder import read_wave
from tests.worker.conftest import MakeRun, make_run, train

__all__ = ["make_run"]


def write(path: Path, values: list[float], *, rate=800, width=2, channels=1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        for value in values:
            number = round(value * (2 ** (8 * width - 1) - 1))
            raw = struct.pack("<i", number)[:width]
            file.writeframes((raw if width > 1 else bytes([number + 128])) * channels)


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        for name, sign in (("high", 0.5), ("low", -0.5)):
            write(tmp_path / "sounds" / name / f"{number}.wav", [sign] * (300 + 100 * number))
    return tmp_path / "sounds"


def opened(recipe, folder, **more):
    settings = {"rate": 800, "seconds": 0.5, **more}
    made = recipe("classify", type="audio_folder", path=str(folder), **settings)
    return open_data(made, seed=0, device="cpu")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_pcm_is_read(tmp_path, width):
    write(tmp_path / "a.wav", [0.0, 0.5, -0.25, 1.0, -1.0], width=width, channels=2)
    rate, found = read_wave(tmp_path / "a.wav")
    assert rate == 800
    wanted = torch.tensor([0.0, 0.5, -0.25, 1.0, -1.0])
    assert torch.allclose(found, wanted, atol=2.0 ** (2 - 8 * width) + 1e-6)


def test_files_become_waves_of_one_length(recipe, folder):
    data = opened(recipe, folder)
    assert data.info.class_names == ("high", "low")
    examples = data.parts["train"]
    raw = examples.fetch(torch.arange(len(examples)), None)
    assert raw.inputs.shape[1:] == (1, 400)
    assert bool(((raw.inputs[:, 0, 0] > 0) == (raw.targets == 0)).all())
    assert bool((raw.inputs[:, 0, -1] == 0).any())


def test_broken_files_and_other_rates_are_named_and_skipped(recipe, folder):
    write(folder / "low" / "0.wav", [0.1] * 50, rate=700)
    (folder / "low" / "1.wav").write_bytes(b"RIFF nothing")
    whole = (folder / "high" / "2.wav").read_bytes()
    (folder / "high" / "2.wav").write_bytes(whole[: len(whole) // 2])
    write(folder / "high" / "3.wav", [])
    (note,) = opened(recipe, folder).info.notes
    assert note.startswith("4 files skipped: high/2.wav (it is cut off), high/3.wav (it is empty)")
    assert "low/0.wav (700 samples a second, not 800)" in note
    assert "low/1.wav (" in note


def test_folders_that_cannot_be_learned_from_are_refused(recipe, folder):
    with pytest.raises(DataError, match="no file has 900 samples a second; most have 800"):
        opened(recipe, folder, rate=900)
    with pytest.raises(DataError, match="no subfolder holds WAV files"):
        opened(recipe, folder / "low")
    with pytest.raises(DataError, match="no such folder"):
        opened(recipe, folder / "nowhere")
    with pytest.raises(DataError, match="no such folder"):
        opened(recipe, folder / "nowhere", classes=2)
    for path in folder.rglob("*.wav"):
        path.write_bytes(b"RIFF nothing")
    with pytest.raises(DataError, match="none of the 12 WAV files can be read"):
        opened(recipe, folder)


def test_the_folders_own_parts_and_odd_files_are_told(recipe, folder):
    folder.rename(folder.with_name("train"))
    write(folder.with_name("val") / "low" / "1.wav", [-0.5] * 400)
    (folder.with_name("train") / "low" / "notes.txt").write_text("recorded at home")
    data = opened(recipe, folder.parent)
    assert (data.info.train_size, data.info.val_size) == (12, 1)
    assert data.info.notes[:2] == (
        "1 files are no WAV files: train/low/notes.txt, …",
        "val has no WAV files of high: not judged there",
    )


def test_the_shipped_recipe_trains_twenty_steps(make_run: MakeRun, folder):
    shipped = load_recipe("audio/wav-folder")
    folder_made = make_run(
        shipped.resolved_yaml(),
        f"data.path={folder}",
        "data.rate=800",
        "data.seconds=1",
        "data.batch_size=4",
        "model.layers.0.mel_spectrogram={mels: 16, fft: 64, hop: 32, rate: 800}",
        "trainer.epochs=null",
        "trainer.steps=20",
        "trainer.device=cpu",
    )
    assert train(folder_made) == 0
