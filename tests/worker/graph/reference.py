"""Reference networks and ours with the same weights, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dltui.graph.assemble import assemble
from dltui.recipe import Recipe
from dltui.recipe.data_info import DataInfo


def images(channels: int, side: int, classes: int = 1000) -> DataInfo:
    """Square images with a class each."""
    return DataInfo((channels, side, side), "float32", "class", classes=classes)


def filled(network: nn.Module) -> nn.Module:
    """A network of the meta device on the CPU, with random numbers in every parameter and buffer.

    Weights are scaled to keep the signal's size (He et al. 2015); nothing stays at the 0 or 1 that
    would hide a norm or a bias put in the wrong place.
    """
    network = network.to_empty(device="cpu").eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or (tensor.dim() == 1 and name.endswith("weight")):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() < 2:
                tensor.copy_(torch.randn(tensor.shape) * 0.1)
            else:
                tensor.uniform_(-1, 1).mul_((6 / tensor[0].numel()) ** 0.5)
    return network


def ours_with_weights_of(
    reference: nn.Module, recipe: Recipe, info: DataInfo, first: tuple[str, ...] = ()
) -> nn.Module:
    """The recipe's network with the weights of `reference`, matched by their order.

    `first` names what the reference keeps elsewhere but ours reads first. Weights are shared, not
    copied; a 1×1 convolution may stand for a linear layer.
    """
    ours = assemble(recipe, info).network
    theirs = dict(reference.state_dict())
    values = [theirs.pop(name) for name in first] + list(theirs.values())
    matched = {}
    for (name, own), value in zip(ours.state_dict().items(), values, strict=True):
        assert sizes(own) == sizes(value), (name, tuple(own.shape), tuple(value.shape))
        matched[name] = value.reshape(own.shape)
    ours.load_state_dict(matched, assign=True)
    return ours.eval()


def sizes(tensor: Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


@torch.no_grad()
def largest_difference(ours: nn.Module, reference: nn.Module, batch: Tensor) -> float:
    """Largest difference of the outputs, as a share of their spread."""
    torch.manual_seed(0)
    expected = reference(batch)
    assert expected.std() > 1e-3
    got = ours(batch)
    assert got.shape == expected.shape
    return float((got - expected).abs().max() / expected.std().clamp(min=1))
