"""Architectures are told by names and shapes, on models with their libraries' real names."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from dltui.inspect.recognise import recognise
from tests.inspect.made import checkpoint, of_state, tensor


def named(make: Callable[[], nn.Module]) -> str | None:
    with torch.device("meta"):
        return recognise(of_state(make().state_dict()))


TORCHVISION = {
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    "resnet50": "ResNet-50",
    "resnet152": "ResNet-152",
    "wide_resnet50_2": "Wide ResNet-50-2",
    "resnext50_32x4d": "ResNeXt-50 32x4d",
    "resnext101_64x4d": "ResNeXt-101 64x4d",
    "alexnet": "AlexNet",
    "vgg11": "VGG-11",
    "vgg16": "VGG-16",
    "vgg16_bn": "VGG-16 with batch normalisation",
    "vgg19": "VGG-19",
    "vgg19_bn": "VGG-19 with batch normalisation",
    "squeezenet1_0": "SqueezeNet 1.0",
    "squeezenet1_1": "SqueezeNet 1.1",
    "densenet121": "DenseNet-121",
    "densenet201": "DenseNet-201",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3-Small",
    "mobilenet_v3_large": "MobileNetV3-Large",
    "efficientnet_b0": "EfficientNet-B0",
    "efficientnet_b3": "EfficientNet-B3",
    "efficientnet_b7": "EfficientNet-B7",
    "efficientnet_v2_s": "EfficientNetV2-S",
    "efficientnet_v2_l": "EfficientNetV2-L",
    "shufflenet_v2_x1_0": "ShuffleNetV2 x1.0",
    "mnasnet1_0": "MNASNet",
    "convnext_tiny": "ConvNeXt-Tiny",
    "convnext_large": "ConvNeXt-Large",
    "vit_b_16": "ViT-B/16",
    "vit_b_32": "ViT-B/32",
    "vit_l_16": "ViT-L/16",
    "vit_h_14": "ViT-H/14",
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    found = named(lambda: getattr(torchvision.models, name)(weights=None))
    assert found == f"{TORCHVISION[name]} (torchvision)"


def test_torchvision_models_that_need_memory() -> None:
    assert recognise(of_state(torchvision.models.swin_t().state_dict())) == "Swin-T (torchvision)"
    v2 = torchvision.models.swin_v2_t().state_dict()
    assert recognise(of_state(v2)) == "Swin V2-T (torchvision)"


def test_a_detector_is_more_than_its_backbone() -> None:
    make = torchvision.models.detection.fasterrcnn_resnet50_fpn
    found = named(lambda: make(weights=None, weights_backbone=None))
    assert found == "Faster R-CNN with ResNet (torchvision)"


def test_a_wrapped_training_checkpoint_is_what_is_in_it() -> None:
    with torch.device("meta"):
        weights = torchvision.models.resnet18(num_classes=10).state_dict()
    wrapped = {f"module.{name}": value for name, value in weights.items()}
    assert recognise(of_state({"model": wrapped, "epoch": 2})) == "ResNet-18 (torchvision)"
    lightning = {"state_dict": {f"net.{name}": value for name, value in weights.items()}}
    assert recognise(of_state(lightning)) == "ResNet-18 (torchvision)"


def test_a_resnet_of_another_depth_says_its_blocks() -> None:
    make = torchvision.models.resnet.ResNet
    block = torchvision.models.resnet.BasicBlock
    found = named(lambda: make(block, [1, 2, 1, 1]))
    assert found == "ResNet with 1-2-1-1 blocks (torchvision)"


TIMM = {
    "vit_tiny_patch16_224": "ViT-Ti/16 (timm)",
    "vit_base_patch32_224": "ViT-B/32 (timm)",
    "deit_tiny_distilled_patch16_224": "DeiT distilled-Ti/16 (timm)",
    "vit_small_patch14_dinov2": "DINOv2 ViT-S/14 (timm)",
    "convnext_tiny": "ConvNeXt-Tiny (timm)",
    "efficientnet_b0": "EfficientNet-B0 (timm)",
    "mobilenetv3_large_100": "MobileNetV3 (timm)",
    "mixer_b16_224": "MLP-Mixer-B/16 (timm)",
    "swin_tiny_patch4_window7_224": "Swin-T (timm)",
}


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    timm = pytest.importorskip("timm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = named(lambda: timm.create_model(name))
    assert found == TIMM[name]


def transformers_model(kind: str, **settings: Any) -> Callable[[], nn.Module]:
    transformers = pytest.importorskip("transformers")
    family = kind.split("For")[0].removesuffix("Model").removesuffix("LMHead")
    config = getattr(transformers, f"{family}Config")(**settings)
    return lambda: getattr(transformers, kind)(config)


LLAMA_8B = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
TRANSFORMERS: list[tuple[str, dict[str, Any], str]] = [
    ("GPT2LMHeadModel", {}, "GPT-2 small"),
    ("GPT2Model", {"n_embd": 1024, "n_layer": 24, "n_head": 16}, "GPT-2 medium"),
    ("BertForMaskedLM", {}, "BERT base"),
    ("BertModel", {}, "BERT base"),
    (
        "BertForSequenceClassification",
        {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
        "BERT large",
    ),
    ("RobertaModel", {}, "RoBERTa base"),
    ("RobertaForMaskedLM", {}, "RoBERTa base"),
    ("XLMRobertaForMaskedLM", {"vocab_size": 250002}, "XLM-RoBERTa base"),
    ("DistilBertForMaskedLM", {}, "DistilBERT base"),
    ("T5ForConditionalGeneration", {}, "T5 small"),
    ("T5Model", {"d_model": 768, "num_layers": 12, "num_heads": 12, "d_ff": 3072}, "T5 base"),
    ("LlamaForCausalLM", {}, "LLaMA 7B"),
    ("LlamaForCausalLM", LLAMA_8B, "Llama 3 8B"),
    ("MistralForCausalLM", {}, "LLaMA 7B with grouped queries (Mistral)"),
    (
        "Qwen2ForCausalLM",
        {
            "hidden_size": 896,
            "num_hidden_layers": 24,
            "intermediate_size": 4864,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
        },
        "Qwen2.5 0.5B",
    ),
    (
        "Qwen3ForCausalLM",
        {"hidden_size": 1024, "num_hidden_layers": 28, "intermediate_size": 3072},
        "Qwen3 0.6B",
    ),
    ("GemmaForCausalLM", {}, "Gemma 7B"),
    ("Gemma2ForCausalLM", {}, "Gemma 2 2B"),
    ("Phi3ForCausalLM", {}, "Phi-3 mini"),
    ("PhiForCausalLM", {}, "Phi 1.5"),
    ("CLIPModel", {}, "CLIP ViT-B/32"),
    ("SiglipModel", {}, "SigLIP"),
    ("WhisperForConditionalGeneration", {}, "Whisper tiny"),
    ("BartForConditionalGeneration", {}, "BART large"),
    ("ViTModel", {}, "ViT-B/16"),
    ("OPTForCausalLM", {}, "OPT 125M"),
    ("ElectraModel", {}, "ELECTRA small"),
]


@pytest.mark.parametrize(("kind", "settings", "title"), TRANSFORMERS)
def test_transformers(kind: str, settings: dict[str, Any], title: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = named(transformers_model(kind, **settings))
    assert found == f"{title} (transformers)"


def test_nanogpt_keeps_its_matrices_the_other_way_round() -> None:
    blocks = [tensor(f"transformer.h.{i}.attn.c_attn.weight", 2304, 768) for i in range(12)]
    ends = [
        tensor("transformer.wte.weight", 50304, 768),
        tensor("transformer.wpe.weight", 1024, 768),
    ]
    assert recognise(checkpoint(*ends, *blocks)) == "GPT-2 small (nanoGPT)"
    small = [tensor(f"transformer.h.{i}.attn.c_attn.weight", 1152, 384) for i in range(6)]
    ends = [tensor("transformer.wte.weight", 65, 384), tensor("transformer.wpe.weight", 256, 384)]
    assert recognise(checkpoint(*ends, *small)) == "GPT, 6 layers of width 384"


def test_diffusion() -> None:
    unet = checkpoint(
        tensor("model.diffusion_model.input_blocks.0.0.weight", 320, 4, 3, 3),
        tensor("model.diffusion_model.middle_block.0.in_layers.0.weight", 1280),
        tensor(
            "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
            640,
            768,
        ),
    )
    assert recognise(unet) == "Stable Diffusion 1.x UNet"
    vae = checkpoint(
        tensor("encoder.conv_in.weight", 128, 3, 3, 3),
        tensor("decoder.conv_in.weight", 512, 4, 3, 3),
        tensor("quant_conv.weight", 8, 8, 1, 1),
    )
    assert recognise(vae) == "Stable Diffusion VAE"


def test_generators_and_their_critics() -> None:
    generator = nn.Sequential(
        nn.ConvTranspose2d(100, 64, 4, bias=False), nn.BatchNorm2d(64), nn.ReLU()
    ).extend([nn.ConvTranspose2d(64, 3, 4, bias=False)])
    critic = nn.Sequential(
        *(nn.Conv2d(3, 64, 4, bias=False), nn.LeakyReLU()),
        *(nn.Conv2d(64, 1, 4, bias=False), nn.Sigmoid()),
    )
    assert recognise(of_state({"main": generator.state_dict()})) == "DCGAN generator"
    assert recognise(of_state({"main": critic.state_dict()})) == "DCGAN discriminator"


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (lambda: nn.LSTM(8, 32), "LSTM of width 32"),
        (
            lambda: nn.GRU(8, 32, 2, bidirectional=True),
            "GRU of width 32, 2 layers, both directions",
        ),
        (lambda: nn.RNN(8, 16), "RNN of width 16"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)),
            "MLP 784-256-10",
        ),
        (
            lambda: nn.Sequential(
                *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 16, 5), nn.Flatten()),
                *(nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)),
            ),
            "LeNet-5",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3)),
            "CNN, 2 convolutions, widths 8-16",
        ),
    ],
)
def test_plain_networks(make: Callable[[], nn.Module], title: str) -> None:
    assert named(make) == title


def test_what_a_file_says_of_itself() -> None:
    gguf = checkpoint(
        tensor("blk.0.attn_q.weight", 8, 8),
        metadata={"general.architecture": "qwen3", "general.name": "Qwen3 0.6B"},
    )
    assert recognise(gguf) == "qwen3, Qwen3 0.6B (GGUF)"
    unknown = checkpoint(
        tensor("trunk.w", 8, 8, 8),
        metadata={"config": {"architectures": ["NewModel"], "model_type": "new"}},
    )
    assert recognise(unknown) == "NewModel (transformers)"
    run = checkpoint(
        *(tensor("model.0.weight", 32, 64), tensor("model.2.weight", 10, 32)),
        metadata={"recipe": "dltui: 1\nname: my-mlp\nmodel:\n  name: no\n"},
    )
    assert recognise(run) == "MLP 64-32-10 (dltui, my-mlp)"


def test_a_run_of_a_network_of_ones_own_is_known_by_its_recipe() -> None:
    run = checkpoint(tensor("model.odd", 3, 3, 3), metadata={"recipe": "name: odd\n"})
    assert recognise(run) == "odd (dltui)"


def test_the_unknown_is_not_named() -> None:
    assert recognise(checkpoint(tensor("a", 3), tensor("b", 4, 5))) is None
    assert recognise(checkpoint()) is None
    assert recognise(checkpoint(tensor("x.weight", 4, 4), tensor("y.weight", 7, 9))) is None
