"""Diffusion, autoencoders, generators."""

from __future__ import annotations

from dltui.inspect.architectures.signature import ANY, Blocks, Has, Signature, Size, Variants

_CONTEXT: Variants = {
    (320, 768): "Stable Diffusion 1.x UNet",
    (320, 1024): "Stable Diffusion 2.x UNet",
    (320, 2048): "SDXL UNet",
    (384, 1280): "SDXL refiner UNet",
}

GENERATIVE: tuple[Signature, ...] = (
    Signature(
        {
            "model.diffusion_model.input_blocks.0.0.weight": ANY,
            "first_stage_model.encoder.conv_in.weight": ANY,
        },
        (
            Has("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"),
            Has("cond_stage_model.model.token_embedding.weight"),
            Has("conditioner.embedders.1.model.ln_final.weight"),
        ),
        {
            (1, 0, 0): "Stable Diffusion 1.x",
            (0, 1, 0): "Stable Diffusion 2.x",
            (0, 0, 1): "Stable Diffusion XL",
        },
        "latent diffusion",
        "with VAE and text encoder",
    ),
    Signature(
        {"input_blocks.0.0.weight": ANY, "middle_block.0.in_layers.0.weight": ANY},
        (
            Size("input_blocks.0.0.weight", 0),
            Size("input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", 1),
        ),
        _CONTEXT,
        "diffusion UNet of width {0}",
        below=("", "model.diffusion_model.", "diffusion_model."),
    ),
    Signature(
        {
            "conv_in.weight": ANY,
            "down_blocks.0.resnets.0.conv1.weight": ANY,
            "mid_block.resnets.0.conv1.weight": ANY,
        },
        (
            Size("conv_in.weight", 0),
            Size("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", 1),
        ),
        _CONTEXT,
        "diffusion UNet of width {0}",
        "diffusers",
        without=("encoder.conv_in.weight", "conv_norm_out.gamma"),
    ),
    Signature(
        {"encoder.conv_in.weight": ANY, "decoder.conv_in.weight": ANY, "quant_conv.weight": ANY},
        (Size("decoder.conv_in.weight", 1),),
        {(4,): "Stable Diffusion VAE"},
        "VAE with {0} latent channels",
        below=("", "first_stage_model."),
    ),
    Signature(
        {"x_embedder.proj.weight": ANY, "blocks.0.adaLN_modulation.1.weight": ANY},
        (Size("x_embedder.proj.weight", 0), Blocks("blocks.*")),
        {(384, 12): "DiT-S", (768, 12): "DiT-B", (1024, 24): "DiT-L", (1152, 28): "DiT-XL"},
        "DiT, {1} layers of width {0}",
    ),
    Signature(
        {"mapping.style.1.weight": ANY, "synthesis.b4.const": ANY}, (), {(): "StyleGAN2 generator"}
    ),
    Signature(
        {
            "main.0.weight": (ANY, ANY, 4, 4),
            "main.1.running_mean": ANY,
            "main.3.weight": (ANY, ANY, 4, 4),
        },
        (),
        {(): "DCGAN generator"},
        below=("", "netG.", "generator.", "G."),
    ),
    Signature(
        {"main.0.weight": (ANY, ANY, 4, 4), "main.2.weight": (ANY, ANY, 4, 4)},
        (),
        {(): "DCGAN discriminator"},
        below=("", "netD.", "discriminator.", "D."),
        without=("main.0.bias",),
    ),
    Signature(
        {"inc.double_conv.0.weight": ANY, "down1.maxpool_conv.1.double_conv.0.weight": ANY},
        (Size("inc.double_conv.0.weight", 0),),
        {(64,): "U-Net"},
        "U-Net of width {0}",
    ),
    Signature(
        {"encoder1.enc1conv1.weight": ANY, "bottleneck.bottleneckconv1.weight": ANY},
        (),
        {(): "U-Net"},
    ),
)
