"""Spectrograms of waveforms, in plain torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_LEAST_POWER = 1e-6
"""Silence has a logarithm as well."""


def full_precision(x: Tensor) -> torch.autocast:
    """No half precision inside; the meta device, which has none, goes by the name of the CPU."""
    kind = x.device.type
    return torch.autocast("cpu" if kind == "meta" else kind, enabled=False)


class Spectrogram(nn.Module):
    """Waveforms `(N, 1, samples)` to powers `(N, 1, fft / 2 + 1, frames)`.

    |STFT|² with a Hann window, windows centred on their samples, reflected at the ends; with
    `log` its natural logarithm. There are `samples // hop + 1` frames.
    """

    window: Tensor

    def __init__(self, fft: int, hop: int, *, log: bool):
        super().__init__()
        self.fft, self.hop, self.log = fft, hop, log
        self.register_buffer("window", torch.hann_window(fft), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        power = self.power(waves)
        return power.clamp_min(_LEAST_POWER).log() if self.log else power

    def power(self, waves: Tensor) -> Tensor:
        """`(N, 1, fft / 2 + 1, frames)`; float32, since half precision has no Fourier transform."""
        with full_precision(waves):
            frames = torch.stft(
                waves.squeeze(1).float(),
                self.fft,
                self.hop,
                window=self.window,
                return_complex=True,
            )
            return torch.view_as_real(frames).square().sum(-1).unsqueeze(1)


class MelSpectrogram(Spectrogram):
    """As `Spectrogram`, its frequencies summed in `mels` triangular bands."""

    bands: Tensor

    def __init__(
        self,
        mels: int,
        fft: int,
        hop: int,
        *,
        log: bool,
        rate: int,
        low: float,
        high: float,
    ):
        super().__init__(fft, hop, log=log)
        bands = mel_bands(mels, fft, rate, low, high).astype(np.float32)
        self.register_buffer("bands", torch.tensor(bands.tolist()), persistent=False)

    def power(self, waves: Tensor) -> Tensor:
        with full_precision(waves):
            return self.bands @ super().power(waves)


def mel_bands(mels: int, fft: int, rate: int, low: float, high: float) -> np.ndarray:
    """Weights `(mels, fft / 2 + 1)` of triangles whose corners are equally far apart in mel.

    mel(f) = 2595 log10(1 + f / 700), O'Shaughnessy 1987, as HTK and torchaudio have it.
    """
    first, last = 2595 * np.log10(1 + np.array([low, high]) / 700)
    corners = 700 * (10 ** (np.linspace(first, last, mels + 2) / 2595) - 1)
    heard = np.linspace(0, rate / 2, fft // 2 + 1)
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (heard - left) / (middle - left), (right - heard) / (right - middle)
    bands: np.ndarray = np.minimum(rising, falling).clip(min=0)
    return bands
