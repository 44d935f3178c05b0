"""Transformers that look at images: torchvision, timm, transformers, and both CLIPs."""

from __future__ import annotations

from dltui.inspect.architectures.signature import ANY, Blocks, Has, Signature, Size, Variants

_SIZES: Variants = {
    (192, 12): "Ti",
    (384, 12): "S",
    (768, 12): "B",
    (1024, 24): "L",
    (1280, 32): "H",
    (1408, 40): "g",
}
_PATCHES = (8, 14, 16, 32)


def _sized(title: str, *, tail: tuple[int, ...] = ()) -> dict[tuple[int, ...], str]:
    """Titles such as ViT-B/16, by width, depth and patch."""
    return {
        (*size, patch, *tail): f"{title}-{letter}/{patch}"
        for size, letter in _SIZES.items()
        for patch in _PATCHES
    }


_OTHERWISE = "{1} layers of width {0}, patches of {2}"

_TIMM = (
    Size("patch_embed.proj.weight", 0),
    Blocks("blocks.*"),
    Size("patch_embed.proj.weight", 2),
)
_TIMM_NEEDS = {"patch_embed.proj.weight": ANY, "blocks.0.attn.qkv.weight": ANY}

_SWINS = {(96, 6): "T", (96, 18): "S", (128, 18): "B", (192, 18): "L"}


def _swin(title: str) -> dict[tuple[int, ...], str]:
    return {size: f"{title}-{letter}" for size, letter in _SWINS.items()}


def _transformers_vit(blocks: str, needle: str, title: str, projection: str) -> Signature:
    return Signature(
        {projection: ANY, f"{blocks}.0.{needle}": ANY},
        (Size(projection, 0), Blocks(f"{blocks}.*"), Size(projection, 2)),
        _sized(title),
        f"{title}, {_OTHERWISE}",
        "transformers",
        below=("", "vit.", "dinov2.", "deit."),
    )


_PROJECTION = "embeddings.patch_embeddings.projection.weight"

VISION_TRANSFORMERS: tuple[Signature, ...] = (
    Signature(
        {
            "vision_model.embeddings.patch_embedding.weight": ANY,
            "text_model.embeddings.token_embedding.weight": ANY,
            "logit_bias": ANY,
        },
        (),
        {(): "SigLIP"},
        origin="transformers",
    ),
    Signature(
        {
            "vision_model.embeddings.patch_embedding.weight": ANY,
            "text_model.embeddings.token_embedding.weight": ANY,
        },
        (
            Size("vision_model.embeddings.patch_embedding.weight", 0),
            Blocks("vision_model.encoder.layers.*"),
            Size("vision_model.embeddings.patch_embedding.weight", 2),
        ),
        _sized("CLIP ViT"),
        f"CLIP, {_OTHERWISE}",
        "transformers",
        below=("", "clip."),
    ),
    Signature(
        {"visual.conv1.weight": ANY, "token_embedding.weight": ANY, "visual.proj": ANY},
        (
            Size("visual.conv1.weight", 0),
            Blocks("visual.transformer.resblocks.*"),
            Size("visual.conv1.weight", 2),
        ),
        _sized("CLIP ViT"),
        f"CLIP, {_OTHERWISE}",
        "OpenAI, OpenCLIP",
    ),
    Signature(
        {"visual.layer1.0.conv1.weight": ANY, "token_embedding.weight": ANY},
        (Blocks("visual.layer3.*"),),
        {(6,): "CLIP ResNet-50", (23,): "CLIP ResNet-101"},
        "CLIP ResNet",
        "OpenAI, OpenCLIP",
    ),
    Signature(
        {"conv_proj.weight": ANY, "encoder.layers.encoder_layer_0.ln_1.weight": ANY},
        (
            Size("conv_proj.weight", 0),
            Blocks("encoder.layers.encoder_layer_*"),
            Size("conv_proj.weight", 2),
        ),
        _sized("ViT"),
        f"ViT, {_OTHERWISE}",
        "torchvision",
    ),
    Signature(
        {"features.0.0.weight": ANY, "features.1.0.attn.cpb_mlp.0.weight": ANY},
        (Size("features.0.0.weight", 0), Blocks("features.5.*")),
        _swin("Swin V2"),
        "Swin V2 of width {0}",
        "torchvision",
    ),
    Signature(
        {
            "features.0.0.weight": ANY,
            "features.1.0.attn.relative_position_bias_table": ANY,
        },
        (Size("features.0.0.weight", 0), Blocks("features.5.*")),
        _swin("Swin"),
        "Swin of width {0}",
        "torchvision",
    ),
    Signature(
        {"stem.0.0.weight": ANY, "blocks.0.layers.0.layers.MBconv.layers.pre_norm.weight": ANY},
        (),
        {(): "MaxViT-T"},
        origin="torchvision",
    ),
    Signature(
        {**_TIMM_NEEDS, "dist_token": ANY},
        _TIMM,
        _sized("DeiT distilled"),
        f"DeiT distilled, {_OTHERWISE}",
        "timm",
    ),
    Signature(
        {**_TIMM_NEEDS, "decoder_pos_embed": ANY},
        _TIMM,
        _sized("MAE ViT"),
        f"MAE ViT, {_OTHERWISE}",
    ),
    Signature(
        {**_TIMM_NEEDS, "blocks.0.ls1.gamma": ANY},
        _TIMM,
        _sized("DINOv2 ViT"),
        f"ViT with layer scale, {_OTHERWISE}",
        "timm",
    ),
    Signature(_TIMM_NEEDS, _TIMM, _sized("ViT"), f"ViT, {_OTHERWISE}", "timm"),
    Signature(
        {"patch_embed.proj.weight": ANY, "layers.0.blocks.0.attn.qkv.weight": ANY},
        (Size("patch_embed.proj.weight", 0), Blocks("layers.2.blocks.*")),
        _swin("Swin"),
        "Swin of width {0}",
        "timm",
    ),
    Signature(
        {"blocks.0.mlp_tokens.fc1.weight": ANY, "stem.proj.weight": ANY},
        (Size("stem.proj.weight", 0), Blocks("blocks.*"), Size("stem.proj.weight", 2)),
        _sized("MLP-Mixer"),
        f"MLP-Mixer, {_OTHERWISE}",
        "timm",
    ),
    _transformers_vit("encoder.layer", "attention.attention.query.weight", "ViT", _PROJECTION),
    _transformers_vit("layers", "attention.q_proj.weight", "ViT", _PROJECTION),
    _transformers_vit("encoder.layer", "layer_scale1.lambda1", "DINOv2 ViT", _PROJECTION),
    Signature(
        {"class_labels_classifier.weight": ANY, "bbox_predictor.layers.0.weight": ANY},
        (),
        {(): "DETR"},
        origin="transformers",
    ),
    Signature(
        {"query_embed.weight": ANY, "class_embed.weight": ANY, "bbox_embed.layers.0.weight": ANY},
        (Has("backbone.0.body.layer1.0.conv3.weight"),),
        {(1,): "DETR with ResNet"},
        "DETR",
    ),
    Signature(
        {"image_encoder.patch_embed.proj.weight": ANY, "mask_decoder.iou_token.weight": ANY},
        (Size("image_encoder.patch_embed.proj.weight", 0),),
        {(768,): "SAM ViT-B", (1024,): "SAM ViT-L", (1280,): "SAM ViT-H"},
        "SAM",
    ),
)
