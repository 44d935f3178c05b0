"""Every layer that the catalogue names can be built with its defaults and gives finite numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from dltui.graph.assemble import assemble, materialise
from dltui.graph.builders import BUILDERS
from dltui.recipe.catalogue import LAYERS
from dltui.recipe.data_info import DataInfo

IMAGE = (8, 8, 8)
SEQUENCE = (6, 16)
SHAPES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("conv1d", "conv_transpose1d", "dropout1d"), SEQUENCE),
    **dict.fromkeys(("conv3d", "conv_transpose3d", "dropout3d"), (4, 6, 6, 6)),
    **dict.fromkeys(("linear", "mlp", "rms_norm", "layer_norm", "transpose"), SEQUENCE),
    **dict.fromkeys(("positions", "cls_token", "attention", "rnn", "lstm", "gru"), SEQUENCE),
    **dict.fromkeys(("matmul", "cat"), (4, 4)),
    "group_norm": (64, 4, 4),
    "squeeze": (8, 1),
    **dict.fromkeys(("relative_bias", "mixture_of_experts", "sequence_pool"), SEQUENCE),
    **dict.fromkeys(("transformer_encoder", "transformer_decoder"), SEQUENCE),
    "attention_mask": (6,),
    **dict.fromkeys(("spectrogram", "mel_spectrogram"), (1, 2000)),
    "similarity": (16,),
    **dict.fromkeys(("class_embedding", "time_embedding"), ()),
}
REQUIRED: dict[str, str] = {
    "channel_shuffle": "2",
    "embedding": "12",
    "unflatten": "[2, 4]",
    "reshape": "[64, 8]",
    "permute": "[0, 2, 3, 1]",
    "tied_linear": "first",
}
TWO_INPUTS = ("add", "sub", "mul", "matmul", "cat", "similarity")
TOKENS = ("embedding", "attention_mask", "class_embedding")


def test_catalogue_and_builders_have_the_same_names() -> None:
    assert set(BUILDERS) == {spec.name for spec in LAYERS.values()}


def test_every_activation_of_torch_is_in_the_catalogue() -> None:
    needs_more = {"MultiheadAttention", "AdaptiveLogSoftmaxWithLoss"}
    for name in set(nn.modules.activation.__all__) - needs_more:
        plain = name.lower()
        assert plain in {known.replace("_", "") for known in LAYERS}, name


@pytest.mark.parametrize("name", sorted({spec.name for spec in LAYERS.values()}))
def test_layer_runs_with_its_defaults(name: str, write: Callable[..., Any]) -> None:
    spec = LAYERS[name]
    main = next((key for key, arg in spec.args.items() if arg.required), None)
    value = REQUIRED.get(name, "16") if main else None
    kind = f"{name}: {value}" if value else f"{name}: {{}}" if spec.args else f"{name}: null"
    first = "- {name: first, linear: 8}\n    " if name == "tied_linear" else ""
    inputs = ", in: [input, input]" if name in TWO_INPUTS else ""
    recipe = write(f"model:\n  layers:\n    {first}- {{{kind}{inputs}}}")
    tokens = name in TOKENS
    info = DataInfo(
        SHAPES.get(name, IMAGE), "int64" if tokens else "float32", "class", classes=10, vocab=20
    )
    torch.manual_seed(0)
    model = materialise(assemble(recipe, info))
    example = torch.randint(10, (2, *info.shape)) if tokens else torch.rand(2, *info.shape) + 0.1
    for training in (True, False):
        output = model.train(training)(example)
        assert isinstance(output, torch.Tensor)
        assert output.shape[0] == (1 if name == "relative_bias" else 2)
        assert output.isfinite().all()
    assert not any(parameter.is_meta for parameter in model.parameters())


def test_convolution_keeps_the_size_and_takes_its_rank_from_the_input(
    write: Callable[..., Any], digits: DataInfo
) -> None:
    recipe = write(
        """
        model:
          layers:
            - conv: {out: 4, kernel: [5, 3], dilation: [1, 2]}
            - flatten: 2
            - conv: 6
            - gap
        """
    )
    rows = [traced.output for traced in assemble(recipe, digits).traced]
    assert rows == [(2, 4, 8, 8), (2, 4, 64), (2, 6, 64), (2, 6)]


def _one(write: Callable[..., Any], layer: str, info: DataInfo) -> nn.Module:
    return materialise(assemble(write(f"model: {{layers: [{layer}]}}"), info)).eval()


@torch.no_grad()
def test_vision_layers_compute_what_their_papers_and_torch_say(write: Callable[..., Any]) -> None:
    info = DataInfo((8, 6, 6), "float32", "class", classes=10)
    x = torch.randn(2, 8, 6, 6)
    separable = _one(write, "{separable_conv: {out: 5, kernel: 5}}", info)
    depthwise, pointwise = (
        separable.get_submodule(f"separable_conv.{n}") for n in ("depthwise", "pointwise")
    )
    assert sum(p.numel() for p in separable.parameters()) == 8 * 25 + 8 + 8 * 5 + 5
    assert torch.equal(separable(x), pointwise(depthwise(x)))
    assert torch.allclose(
        _one(write, "{layer_norm2d: {eps: 1e-6}}", info)(x),
        nn.functional.layer_norm(x.permute(0, 2, 3, 1), (8,), eps=1e-6).permute(0, 3, 1, 2),
        atol=1e-6,
    )
    assert torch.allclose(
        _one(write, "{lp_pool: {kernel: 3, p: 2}}", info)(x), nn.LPPool2d(2, 3)(x)
    )
    assert torch.allclose(_one(write, "{layer_scale: 0.5}", info)(x), x * 0.5)
    assert _one(write, "{layer_scale: 0.5}", info).get_parameter("layer_scale.weight").shape == (
        8,
        1,
        1,
    )
    assert torch.equal(_one(write, "sync_bn", info)(x), _one(write, "bn", info)(x))
    grown = _one(write, "{upsample: {mode: bilinear, align_corners: true}}", info)(x)
    assert torch.allclose(grown[..., ::11, ::11], x[..., ::5, ::5])


def test_layers_take_their_rank_from_the_input(write: Callable[..., Any]) -> None:
    for shape in ((4, 8), (4, 8, 8), (4, 8, 8, 8)):
        info = DataInfo(shape, "float32", "class", classes=10)
        rank = len(shape) - 1
        for layer, spatial in (
            ("{separable_conv: {out: 4, stride: 2}}", 4),
            ("lp_pool", 4),
            ("max_pool", 4),
            ("avg_pool", 4),
            ("{conv_transpose: {out: 4}}", 16),
            ("{pad: 2}", 12),
            ("{pad: {width: 1, mode: replicate}}", 10),
            ("{upsample: 3}", 24),
            ("{conv: {out: 4, groups: 2, dilation: 2}}", 8),
            ("instance_norm", 8),
        ):
            output = assemble(write(f"model: {{layers: [{layer}]}}"), info).output
            assert isinstance(output, torch.Tensor)
            assert output.shape == (2, 4, *(spatial,) * rank), (layer, rank)
