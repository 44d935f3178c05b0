"""Spectrograms against their definitions; wrong windows and bands are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dltui.errors import RecipeError
from dltui.graph.assemble import assemble, materialise
from dltui.graph.modules.audio import mel_bands
from dltui.recipe.data_info import DataInfo

WAVES = DataInfo((1, 800), "float32", "class", classes=2)
Write = Callable[..., Any]


def network(write: Write, layer: str, info: DataInfo = WAVES) -> torch.nn.Module:
    recipe = write(f"model:\n  layers:\n    - {layer}")
    return materialise(assemble(recipe, info))


def test_a_spectrogram_is_the_power_of_windowed_fourier_transforms(write: Write) -> None:
    waves = torch.randn(2, 1, 800, generator=torch.Generator().manual_seed(0))
    found = network(write, "spectrogram: {fft: 64, hop: 40, log: false}")(waves)
    assert found.shape == (2, 1, 33, 21)
    padded = torch.nn.functional.pad(waves, (32, 32), mode="reflect")
    hann = torch.tensor([math.sin(math.pi * n / 64) ** 2 for n in range(64)])
    for frame in (0, 7, 20):
        piece = padded[:, 0, 40 * frame : 40 * frame + 64] * hann
        power = torch.fft.rfft(piece.double()).abs().square()
        assert torch.allclose(found[:, 0, :, frame].double(), power, rtol=1e-4, atol=1e-4)
    logarithm = network(write, "spectrogram: {fft: 64, hop: 40}")(waves)
    assert torch.allclose(logarithm, found.clamp_min(1e-6).log())


def test_a_tone_is_loudest_in_the_band_of_its_frequency(write: Write) -> None:
    layer = "mel_spectrogram: {mels: 20, fft: 256, rate: 8000}"
    mel = network(write, layer)
    marks = [2595 * math.log10(1 + 4000 / 700) * (band + 1) / 21 for band in range(20)]
    for band in (5, 12, 18):
        hertz = 700 * (10 ** (marks[band] / 2595) - 1)
        tone = torch.sin(2 * math.pi * hertz * torch.arange(800) / 8000).view(1, 1, -1)
        assert int(mel(tone).mean(3).argmax()) == band


def test_bands_are_triangles_over_the_mel_scale() -> None:
    bands = mel_bands(10, 512, 16000, 100.0, 6000.0)
    first, last = (2595 * math.log10(1 + f / 700) for f in (100.0, 6000.0))
    corners = [700 * (10 ** ((first + (last - first) * i / 11) / 2595) - 1) for i in range(12)]
    for band in range(10):
        left, middle, right = corners[band : band + 3]
        for place in range(257):
            f = 16000 / 2 * place / 256
            up, down = (f - left) / (middle - left), (right - f) / (right - middle)
            assert float(bands[band, place]) == pytest.approx(max(0.0, min(up, down)), abs=1e-6)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("spectrogram: {fft: 2000}", "a window is longer than the 800 samples"),
        ("mel_spectrogram: {mels: 300, fft: 64}", "too short to tell 300 bands apart"),
        ("mel_spectrogram: {rate: 8000, high: 5000}", "half the rate, 4000 Hz"),
    ],
)
def test_windows_and_bands_that_cannot_be_are_refused(
    layer: str, message: str, write: Write
) -> None:
    with pytest.raises(RecipeError, match=message):
        network(write, layer)


def test_only_one_channel_of_waves_is_taken(write: Write) -> None:
    stereo = DataInfo((2, 800), "float32", "class", classes=2)
    with pytest.raises(RecipeError, match="one channel, not 2"):
        network(write, "spectrogram: 64", stereo)
