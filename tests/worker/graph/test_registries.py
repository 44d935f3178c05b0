"""`from: torchvision/…`, `timm/…` and `hf/…`: built by name, with heads, weights and errors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from dltui.errors import RecipeError
from dltui.graph import compile_model, shape_table
from dltui.graph.compile import _rows_without_shapes
from dltui.graph.pretrained import pretrained_model
from dltui.recipe import Recipe
from dltui.recipe.data_info import DataInfo

Write = Callable[..., Recipe]
PHOTOS = DataInfo((3, 64, 64), "float32", "class", classes=7)
TEXTS = DataInfo((16,), "int64", "token", vocab=65, context=16)


def trained_parts(model: nn.Module) -> set[str]:
    return {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("name", "frozen"),
    [
        ("alexnet", "features"),
        ("convnext_tiny", "features"),
        ("densenet121", "features"),
        ("mobilenet_v3_small", "features"),
        ("regnet_y_400mf", "trunk_output"),
        ("shufflenet_v2_x0_5", "conv1"),
        ("swin_t", "features"),
        ("r3d_18", "stem"),
    ],
)
def test_torchvisions_networks_take_a_head_for_the_data_and_freeze_by_name(
    name: str, frozen: str, write: Write
) -> None:
    shape = (3, 8, 64, 64) if name == "r3d_18" else (3, 64, 64)
    info = DataInfo(shape, "float32", "class", classes=7)
    recipe = write(f"model: {{from: torchvision/{name}, replace_head: true, freeze: [{frozen}]}}")
    rows = shape_table(recipe, info)
    assert rows[-1].output == [7]
    assert frozen not in trained_parts(pretrained_model(recipe, info, meta=True))


def for_task(recipe: Recipe, task: str) -> Recipe:
    return replace(recipe, task=SimpleNamespace(type=task))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["fcn_resnet50", "lraspp_mobilenet_v3_large"])
@torch.no_grad()
def test_segmentation_networks_give_a_score_for_every_class_and_pixel(
    name: str, write: Write
) -> None:
    recipe = for_task(
        write(f"model: {{from: torchvision/{name}, args: {{num_classes: 4}}}}"), "segment"
    )
    model = pretrained_model(recipe, PHOTOS, meta=True)
    assert model(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 4, 64, 64)
    headed = for_task(
        write(f"model: {{from: torchvision/{name}, weights: DEFAULT, replace_head: 3}}"), "segment"
    )
    model = pretrained_model(headed, PHOTOS, meta=True)
    assert model(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 3, 64, 64)


def test_detectors_keep_torchvisions_own_interface(write: Write) -> None:
    recipe = for_task(
        write("model: {from: torchvision/ssdlite320_mobilenet_v3_large, args: {num_classes: 3}}"),
        "detect",
    )
    rows = _rows_without_shapes(pretrained_model(recipe, PHOTOS, meta=True))
    reference = models.get_model(
        "ssdlite320_mobilenet_v3_large", num_classes=3, weights_backbone=None
    )
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in reference.parameters())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fcn_resnet50", "is for task segment, not classify"),
        ("fasterrcnn_resnet50_fpn", "is for task detect, not classify"),
        ("quantized_resnet18", "cannot be trained"),
        ("raft_small", "compares two images"),
    ],
)
def test_networks_that_do_not_go_with_the_task_are_refused(
    source: str, message: str, write: Write
) -> None:
    with pytest.raises(RecipeError, match=message):
        shape_table(write(f"model: {{from: torchvision/{source}}}"), PHOTOS)


def with_state(name: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    state: dict[str, torch.Tensor] = models.get_model(name, weights=None).state_dict()
    return state


def test_default_weights_are_torchvisions_own_download(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = with_state("squeezenet1_1")
    url = models.SqueezeNet1_1_Weights.DEFAULT.url
    downloaded = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    downloaded.parent.mkdir(parents=True)
    torch.save(state, downloaded)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = "from: torchvision/squeezenet1_1, weights: default"
    model = compile_model(write(f"model: {{{source}, replace_head: true}}"), PHOTOS)
    first = "features.0.weight"
    assert torch.equal(model.state_dict()[first], state[first])
    assert model.state_dict()["classifier.1.weight"].shape[0] == 7


def test_weights_of_a_file_are_loaded_and_those_that_do_not_fit_are_refused(
    write: Write, tmp_path: Path
) -> None:
    state = with_state("shufflenet_v2_x0_5")
    torch.save(state, tmp_path / "own.pth")
    source = f"from: torchvision/shufflenet_v2_x0_5, weights: {tmp_path / 'own.pth'}"
    model = compile_model(write(f"model: {{{source}, replace_head: true}}"), PHOTOS)
    assert torch.equal(model.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(state, tmp_path / "own.safetensors")
    safe = source.replace("own.pth", "own.safetensors")
    model = compile_model(write(f"model: {{{safe}}}"), replace(PHOTOS, classes=1000))
    assert torch.equal(model.state_dict()["fc.weight"], state["fc.weight"])
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    with pytest.raises(RecipeError, match=r"model\.weights: .*cannot be read"):
        shape_table(write(f"model: {{{safe.replace('own.', 'cut.')}}}"), PHOTOS)
    other = source.replace("shufflenet_v2_x0_5", "resnet18")
    with pytest.raises(RecipeError, match=r"model\.weights: .*has no tensor"):
        shape_table(write(f"model: {{{other}}}"), PHOTOS)


def test_a_download_that_fails_is_told_at_the_weights(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(RecipeError, match=r"model\.weights: .*cannot be had: no route"):
        compile_model(
            write("model: {from: torchvision/resnet18, weights: default, replace_head: true}"),
            PHOTOS,
        )


def test_timms_networks_take_a_head_channels_and_a_file(write: Write, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    grey = DataInfo((1, 64, 64), "float32", "class", classes=7)
    rows = shape_table(write("model: {from: timm/resnet10t}"), grey)
    assert rows[0].input == [1, 64, 64]
    assert rows[-1].output == [7]
    state = timm.create_model("resnet10t").state_dict()
    torch.save(state, tmp_path / "own.pth")
    source = f"from: timm/resnet10t, weights: {tmp_path / 'own.pth'}, replace_head: true"
    model = compile_model(write(f"model: {{{source}, freeze: [conv1]}}"), PHOTOS)
    assert torch.equal(model.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 7)
    assert "conv1" not in trained_parts(model)
    with pytest.raises(RecipeError, match="did you mean timm/resnet10t"):
        shape_table(write("model: {from: timm/resnet10tt}"), PHOTOS)
    with pytest.raises(RecipeError, match="it has: default, c3_in1k"):
        shape_table(write("model: {from: timm/resnet10t, weights: best}"), PHOTOS)


def test_hugging_face_networks_are_read_from_a_folder(write: Write, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    settings = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = transformers.ViTConfig(
        **settings, intermediate_size=32, image_size=64, patch_size=16, num_labels=5
    )
    saved = transformers.ViTForImageClassification(vision)
    saved.save_pretrained(tmp_path / "vit")
    recipe = write(f"model: {{from: hf/{tmp_path / 'vit'}, weights: default, replace_head: true}}")
    assert shape_table(recipe, PHOTOS)[-1].output == [7]
    model = compile_model(recipe, PHOTOS)
    own, kept = model.state_dict(), saved.state_dict()
    (name,) = (name for name in kept if name.endswith("cls_token"))
    assert torch.equal(own[name], kept[name])
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 7)
    trusting = f"model: {{from: hf/{tmp_path / 'vit'}, args: {{trust_remote_code: true}}}}"
    with pytest.raises(RecipeError, match="never run"):
        shape_table(write(trusting), PHOTOS)
    text = transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=65, n_positions=16)
    text.save_pretrained(tmp_path / "gpt")
    recipe = write(f"model: {{from: hf/{tmp_path / 'gpt'}}}", next_token=True)
    model = compile_model(recipe, TEXTS)
    assert model(torch.randint(65, (2, 16))).shape == (2, 16, 65)


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [("timm/resnet18", "timm", "timm"), ("hf/bert", "transformers", "hf")],
)
def test_a_missing_extra_is_named(
    source: str, module: str, extra: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        RecipeError, match=rf"needs the extra {extra}: pip install 'dltui\[{extra}\]'"
    ):
        shape_table(write(f"model: {{from: {source}}}"), PHOTOS)
