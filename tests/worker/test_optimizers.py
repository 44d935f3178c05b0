"""Optimisers by name, their arguments, and parameter groups by pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dltui.errors import RecipeError
from dltui.recipe import Recipe, load_recipe
from dltui.worker.optimizers import build_optimizer, check_optimizers, optimizer_classes

CPU = torch.device("cpu")


@pytest.fixture
def recipe_of(tmp_path: Path) -> Any:
    def make(optimizer: str) -> Recipe:
        path = tmp_path / "recipe.yaml"
        path.write_text(
            "dltui: 1\n"
            "data: {type: builtin, name: wine}\n"
            "model: {layers: [{linear: 8}, relu, {linear: $(data.classes)}]}\n"
            "task: {type: classify}\n"
            f"optimizer: {optimizer}\n"
            "trainer: {epochs: 1}\n"
        )
        return load_recipe(path)

    return make


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Linear(8, 3))


def one_step(optimizer: torch.optim.Optimizer, net: nn.Module) -> None:
    inputs = torch.randn(4, 13, generator=torch.Generator().manual_seed(1))

    def closure() -> float:
        optimizer.zero_grad()
        loss = net(inputs).square().mean()
        loss.backward()
        return float(loss.detach())

    closure()
    optimizer.step(closure)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [n for n in optimizer_classes() if n != "sparse_adam"])
def test_every_optimiser_of_torch_trains_by_its_name(name: str, recipe_of: Any) -> None:
    recipe = recipe_of(f"{{type: {name}, lr: 0.01}}")
    net = model()
    if name == "muon":
        for part in (net[0], net[2]):
            part.bias.requires_grad_(False)
    before = net[0].weight.detach().clone()
    optimizer = build_optimizer(recipe, net, CPU)
    one_step(optimizer, net)
    assert type(optimizer).__name__.lower() == name
    assert not torch.equal(net[0].weight, before)


def test_sgd_by_recipe_steps_as_torchs_sgd(recipe_of: Any) -> None:
    recipe = recipe_of("{type: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01}")
    ours, theirs = model(), model()
    optimizer = build_optimizer(recipe, ours, CPU)
    reference = torch.optim.SGD(
        theirs.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01
    )
    for _ in range(3):
        one_step(optimizer, ours)
        one_step(reference, theirs)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_groups_take_parameters_by_pattern_and_the_rest_keeps_the_defaults(recipe_of: Any) -> None:
    recipe = recipe_of(
        "{type: adamw, lr: 0.01, weight_decay: 0.1, betas: [0.9, 0.95],"
        " groups: [{match: '*.bias', weight_decay: 0.0}, {match: '2.*', lr: 0.001}]}"
    )
    optimizer = build_optimizer(recipe, model(), CPU)
    found = [
        ([tuple(p.shape) for p in group["params"]], group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
    ]
    assert found == [
        ([(8,), (3,)], 0.01, 0.0),
        ([(3, 8)], 0.001, 0.1),
        ([(8, 13)], 0.01, 0.1),
    ]
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.95)


def test_a_pattern_that_matches_nothing_is_an_error_at_its_line(recipe_of: Any) -> None:
    recipe = recipe_of("{type: sgd, lr: 0.1, groups: [{match: 'head.*', lr: 0.2}]}")
    with pytest.raises(RecipeError, match=r"no parameter matches .*head") as caught:
        build_optimizer(recipe, model(), CPU)
    assert caught.value.problems[0].line == 5
    assert caught.value.problems[0].path.startswith("optimizer.groups")


def test_values_that_the_optimiser_refuses_are_an_error_of_the_recipe(recipe_of: Any) -> None:
    with pytest.raises(RecipeError, match="beta"):
        check_optimizers(recipe_of("{type: adam, lr: 0.1, betas: [1.5, 0.9]}"))


def test_sparse_adam_is_refused_with_an_alternative(recipe_of: Any) -> None:
    with pytest.raises(RecipeError, match="take adam"):
        check_optimizers(recipe_of("{type: sparse_adam, lr: 0.1}"))
