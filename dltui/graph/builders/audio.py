"""What makes pictures of sound."""

from __future__ import annotations

from torch import nn

from dltui.graph.building import Args, Inputs, LayerError, builds
from dltui.graph.modules.audio import MelSpectrogram, Spectrogram, mel_bands


def _hop(args: Args, inputs: Inputs) -> int:
    if inputs.need_rank(3, 3, "waveforms (N, 1, samples)") and inputs.channels != 1:
        raise LayerError(f"it takes one channel, not {inputs.channels}")
    if inputs.shape[2] <= args["fft"] // 2:
        raise LayerError(f"a window is longer than the {inputs.shape[2]} samples", "fft")
    return int(args["hop"] or max(1, args["fft"] // 2))


@builds("spectrogram")
def _spectrogram(args: Args, inputs: Inputs) -> nn.Module:
    return Spectrogram(args["fft"], _hop(args, inputs), log=args["log"])


@builds("mel_spectrogram")
def _mel_spectrogram(args: Args, inputs: Inputs) -> nn.Module:
    hop = _hop(args, inputs)
    mels, fft, rate, low = args["mels"], args["fft"], args["rate"], args["low"]
    high = args["high"] or rate / 2
    if not low < high <= rate / 2:
        message = f"bands lie between {low:g} Hz and half the rate, {rate / 2:g} Hz"
        raise LayerError(message, "high")
    if not mel_bands(mels, fft, rate, low, high).any(1).all():
        raise LayerError(f"a window of {fft} is too short to tell {mels} bands apart", "mels")
    return MelSpectrogram(mels, fft, hop, log=args["log"], rate=rate, low=low, high=high)
