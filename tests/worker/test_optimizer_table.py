"""The table of optimisers that recipes are checked against says what torch.optim takes."""

from __future__ import annotations

import inspect

import pytest
import torch

from dltui.recipe.schema.optimizers import OPTIMIZERS


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_arguments_and_defaults_are_those_of_torch(name: str) -> None:
    spec = OPTIMIZERS[name]
    kind = getattr(torch.optim, spec.torch_class, None)
    if kind is None:
        pytest.skip(f"torch {torch.__version__} has no {spec.torch_class}")
    parameters = dict(inspect.signature(kind.__init__).parameters)
    for own in ("self", "params", "lr"):
        parameters.pop(own)
    assert set(parameters) <= set(spec.args)
    for argument, parameter in parameters.items():
        assert spec.args[argument].default == parameter.default, argument


def test_every_optimizer_of_torch_is_in_the_table() -> None:
    kinds = {
        name
        for name, kind in vars(torch.optim).items()
        if inspect.isclass(kind)
        and issubclass(kind, torch.optim.Optimizer)
        and kind is not torch.optim.Optimizer
    }
    assert kinds <= {spec.torch_class for spec in OPTIMIZERS.values()}
