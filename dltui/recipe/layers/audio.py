"""What makes pictures of sound."""

from __future__ import annotations

from dltui.recipe.layers.spec import Arg, LayerSpec, flag, real, size

_FRAMES = {
    "fft": Arg("int", 256, "samples in a window, a little after another", minimum=2),
    "hop": size("samples from one window to the next; null: half a window"),
    "log": flag("the logarithm of the power: what the ear hears", True),
}

AUDIO = (
    LayerSpec(
        "spectrogram",
        "power per frequency and time: (N, 1, samples) to (N, 1, fft / 2 + 1, frames)",
        "fft",
        _FRAMES,
    ),
    LayerSpec(
        "mel_spectrogram",
        "a spectrogram in bands as wide as the ear's (Stevens et al. 1937): "
        "(N, 1, samples) to (N, 1, mels, frames)",
        "mels",
        {
            "mels": size("bands", 40),
            **_FRAMES,
            "rate": size("samples a second", 8000),
            "low": real("lowest frequency in Hz", 0.0, minimum=0),
            "high": Arg(
                "float", None, "highest frequency in Hz; null: half the rate", optional=True
            ),
        },
    ),
)
