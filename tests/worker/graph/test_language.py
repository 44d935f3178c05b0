"""What the layer language promises: names, loops, blocks, sharing, several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from dltui.errors import RecipeError
from dltui.graph import compile_model, shape_table
from dltui.graph.assemble import assemble, materialise
from dltui.recipe.data_info import DataInfo

Write = Callable[..., Any]


def test_a_table_of_huge_layers_takes_no_memory(write: Write, digits: DataInfo) -> None:
    recipe = write("model: {layers: [flatten, {linear: 1000000}, {linear: 1000000}, {linear: 10}]}")
    rows = shape_table(recipe, digits)  # 4 TB of weights
    assert [row.parameters for row in rows] == [0, 65_000_000, 1_000_001_000_000, 10_000_010]


def test_shared_layers_have_one_weight_that_both_places_train(
    write: Write, digits: DataInfo
) -> None:
    recipe = write(
        """
        model:
          layers:
            - flatten
            - {name: shared_half, linear: 64}
            - relu
            - {use: shared_half, name: again}
            - linear: 10
        """
    )
    torch.manual_seed(1)
    model = compile_model(recipe, digits)
    assert [name for name, _ in model.named_parameters()] == [
        "shared_half.weight",
        "shared_half.bias",
        "linear.weight",
        "linear.bias",
    ]
    assert "again.weight" not in model.state_dict()
    images = torch.randn(3, 1, 8, 8)
    half = model.get_submodule("shared_half")
    expected = model.get_submodule("linear")(half(half(images.flatten(1)).relu()))
    assert torch.equal(model(images), expected)
    rows = {row.name: row for row in shape_table(recipe, digits)}
    assert (rows["again"].type, rows["again"].parameters) == ("use", 0)


def test_a_tied_head_trains_the_embedding_and_is_saved_once(write: Write, text: DataInfo) -> None:
    recipe = write(
        "model: {layers: [{name: tokens, embedding: 8}, {tied_linear: tokens}]}", next_token=True
    )
    model = compile_model(recipe, text)
    assert list(model.state_dict()) == ["tokens.weight"]
    tokens = torch.randint(65, (2, 16))
    weight = model.get_submodule("tokens").weight
    assert torch.allclose(model(tokens), nn.functional.embedding(tokens, weight) @ weight.T)
    model(tokens).sum().backward()
    assert weight.grad is not None


def test_inputs_from_anywhere_before_and_from_inside_groups(write: Write, digits: DataInfo) -> None:
    recipe = write(
        """
        model:
          layers:
            - {name: early, conv: 4}
            - name: deep
              layers:
                - {name: inner, layers: [{name: middle, conv: 6}, relu]}
                - {name: joined, cat: {}, in: [early, middle]}
            - {cat: {}, in: [joined, deep.inner, early, input]}
            - gap
            - linear: 10
        """
    )
    rows = {row.name: row for row in shape_table(recipe, digits)}
    assert rows["deep.joined"].output == [10, 8, 8]
    assert rows["cat"].output == [10 + 6 + 4 + 1, 8, 8]
    model = compile_model(recipe, digits)
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 10)


def test_repeats_have_weights_of_their_own_and_count_up(write: Write, digits: DataInfo) -> None:
    recipe = write(
        """
        model:
          layers:
            - flatten
            - repeat: 3
              name: hidden
              layers: [{linear: $(16 * (index + 1))}, relu]
            - repeat: 2
              layers: [{linear: 10}]
        """
    )
    rows = {row.name: row.output for row in shape_table(recipe, digits)}
    assert [rows[f"hidden{number}.linear"] for number in range(3)] == [[16], [32], [48]]
    assert "linear0" in rows
    assert "linear1" in rows


def test_named_inputs_and_outputs_are_maps(write: Write, digits: DataInfo) -> None:
    recipe = write(
        """
        model:
          inputs: [left, right]
          outputs: [logits, features]
          layers:
            - {name: difference, sub: {}, in: [left, right]}
            - {name: features, flatten: {}}
            - {name: logits, linear: 10}
        """
    )
    model = compile_model(recipe, digits)
    left, right = torch.randn(2, 4, 1, 8, 8)
    outputs = model({"left": left, "right": right})
    assert list(outputs) == ["logits", "features"]
    assert torch.equal(outputs["features"], (left - right).flatten(1))
    assert outputs["logits"].shape == (4, 10)


def test_blocks_may_join_several_inputs_and_residuals_use_outer_values(
    write: Write, digits: DataInfo
) -> None:
    recipe = write(
        """
        model:
          blocks:
            widen: {params: {to: 8}, layers: [{linear: $(2 * to)}, relu]}
          layers:
            - flatten
            - {name: start, linear: 16}
            - residual: [{widen: 8}, {add: {}, in: [input, start]}]
            - linear: 10
        """
    )
    model = compile_model(recipe, digits)
    images = torch.randn(3, 1, 8, 8)
    start = model.get_submodule("start")(images.flatten(1))
    expected = model.get_submodule("linear")(start + start + start)
    assert torch.allclose(model(images), expected, atol=1e-6)
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, backend="eager")
        assert torch.equal(compiled(images), model(images))


def test_equal_seeds_give_equal_weights(write: Write, digits: DataInfo) -> None:
    recipe = write("model: {layers: [{conv: 4}, bn, gap, {linear: 10}]}")

    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(compile_model(recipe, digits).parameters())

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


def test_init_rules_fill_by_pattern_the_first_that_matches(write: Write, digits: DataInfo) -> None:
    recipe = write(
        """
        model:
          layers: [flatten, {linear: 256}, relu, {linear: 10}]
          init:
            - {match: "linear1.*", init: zeros}
            - {match: "*", init: he_normal}
            - {match: "*.bias", init: constant, value: 0.5}
        """
    )
    model = compile_model(recipe, digits)
    assert model.get_parameter("linear0.weight").std().item() == pytest.approx(
        (2 / 64) ** 0.5, rel=0.05
    )
    assert (model.get_parameter("linear0.bias") == 0.5).all()
    assert (model.get_parameter("linear1.weight") == 0).all()
    assert (model.get_parameter("linear1.bias") == 0).all()


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "inception_v3", "squeezenet1_0"])
def test_a_ready_made_network_gets_a_head_for_the_data(name: str, write: Write) -> None:
    photos = DataInfo((3, 96, 96), "float32", "class", classes=7)
    recipe = write(f"model: {{from: torchvision/{name}, replace_head: true}}")
    rows = shape_table(recipe, photos)
    assert rows[0].input == [3, 96, 96]
    assert any(row.output[0] == 7 for row in rows[-4:])


def test_frozen_parts_keep_weights_and_statistics_and_lora_trains_little(write: Write) -> None:
    photos = DataInfo((3, 32, 32), "float32", "class", classes=7)
    recipe = write(
        "model: {from: torchvision/resnet18, freeze: [conv1, bn1, layer1], replace_head: true}"
    )
    model = compile_model(recipe, photos).train()
    before = (
        model.get_buffer("bn1.running_mean").clone(),
        model.get_buffer("layer4.0.bn1.running_mean").clone(),
    )
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    assert torch.equal(model.get_buffer("bn1.running_mean"), before[0])
    assert not torch.equal(model.get_buffer("layer4.0.bn1.running_mean"), before[1])
    assert model.get_parameter("layer1.0.conv1.weight").grad is None
    assert model.get_parameter("fc.weight").grad is not None
    lora = compile_model(
        write("model: {from: torchvision/resnet18, replace_head: true, lora: {rank: 2}}"), photos
    )
    trained = {name for name, p in lora.named_parameters() if p.requires_grad}
    assert {"fc.down", "fc.up"} <= trained
    assert all(name.startswith("fc.") for name in trained)


def test_a_network_takes_images_of_other_sizes_after_global_pooling(
    write: Write, digits: DataInfo
) -> None:
    model = materialise(assemble(write("model: {layers: [{conv: 4}, gap, {linear: 10}]}"), digits))
    with torch.no_grad():
        assert model(torch.randn(2, 1, 17, 5)).shape == (2, 10)  # type: ignore[union-attr]


def test_unknown_torchvision_names_are_refused_with_the_nearest(
    write: Write, digits: DataInfo
) -> None:
    with pytest.raises(RecipeError, match="did you mean torchvision/resnet18"):
        shape_table(write("model: {from: torchvision/resnet-18}"), digits)
    with pytest.raises(RecipeError, match="IMAGENET1K_V1"):
        shape_table(write("model: {from: torchvision/resnet18, weights: best}"), digits)
