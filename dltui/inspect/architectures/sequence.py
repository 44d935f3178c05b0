"""Recurrent networks, speech, and the smallest ones of all."""

from __future__ import annotations

from dltui.inspect.architectures.signature import ANY, Blocks, Signature, Size

SEQUENCE: tuple[Signature, ...] = (
    Signature(
        {"encoder.conv1.weight": ANY, "decoder.layers.0.encoder_attn.k_proj.weight": ANY},
        (
            Size("encoder.conv1.weight", 0),
            Blocks("decoder.layers.*"),
        ),
        {
            (384, 4): "Whisper tiny",
            (512, 6): "Whisper base",
            (768, 12): "Whisper small",
            (1024, 24): "Whisper medium",
            (1280, 32): "Whisper large",
            (1280, 4): "Whisper large-v3 turbo",
            (1280, 2): "Distil-Whisper large",
        },
        "Whisper, {1} layers of width {0}",
        "transformers",
        below=("", "model."),
    ),
    Signature(
        {"encoder.conv1.weight": ANY, "decoder.blocks.0.cross_attn.query.weight": ANY},
        (
            Size("encoder.conv1.weight", 0),
            Blocks("decoder.blocks.*"),
        ),
        {
            (384, 4): "Whisper tiny",
            (512, 6): "Whisper base",
            (768, 12): "Whisper small",
            (1024, 24): "Whisper medium",
            (1280, 32): "Whisper large",
            (1280, 4): "Whisper large-v3 turbo",
        },
        "Whisper, {1} layers of width {0}",
        "OpenAI",
        below=("", "model."),
    ),
    Signature(
        {
            "feature_extractor.conv_layers.0.conv.weight": ANY,
            "encoder.layers.0.attention.k_proj.weight": ANY,
        },
        (Size("encoder.layers.0.attention.k_proj.weight", 0), Blocks("encoder.layers.*")),
        {(768, 12): "wav2vec 2.0 base", (1024, 24): "wav2vec 2.0 large"},
        "wav2vec 2.0, {1} layers of width {0}",
        "transformers",
        below=("", "wav2vec2.", "hubert."),
    ),
)
