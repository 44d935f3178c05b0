"""Recurrent networks read each sequence to its own end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dltui.errors import RecipeError
from dltui.graph import compile_model
from dltui.graph.assemble import assemble, materialise
from dltui.recipe.data_info import DataInfo, InputInfo

Write = Callable[..., Any]
STEPS, LENGTHS = 7, (7, 2, 5)


def _network(write: Write, kind: str, options: str) -> nn.Module:
    state = InputInfo("state", (4, 10 if kind == "lstm" else 5), "float32")
    inputs = (InputInfo("lengths", (), "int64"), InputInfo("mask", (STEPS,), "bool"), state)
    info = DataInfo((STEPS, 3), "float32", "class", classes=2, inputs=inputs)
    settings = f"hidden: 5, num_layers: 2, bidirectional: true, {options}"
    recipe = write(
        f"model: {{inputs: [x, lengths, mask, state], layers: [{{{kind}: {{{settings}}}}}]}}"
    )
    torch.manual_seed(0)
    return materialise(assemble(recipe, info)).eval()


def _given() -> dict[str, Tensor]:
    torch.manual_seed(1)
    lengths = torch.tensor(LENGTHS)
    mask = torch.arange(STEPS) < lengths[:, None]
    return {"x": torch.randn(3, STEPS, 3), "lengths": lengths, "mask": mask,
            "state": torch.randn(3, 4, 10)}  # fmt: skip


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("named", ["lengths: lengths", "mask: mask"])
@pytest.mark.parametrize("returned", ["sequence", "last", "state"])
@torch.no_grad()
def test_padding_is_not_read(kind: str, named: str, returned: str, write: Write) -> None:
    network = _network(write, kind, f"return: {returned}, {named}")
    given = _given()
    if kind != "lstm":
        given["state"] = given["state"][..., :5]
    output = network(given)
    alone: Any = network.get_submodule(kind)
    for number, length in enumerate(LENGTHS):
        x = given["x"][number : number + 1, :length]
        sequence, state = alone.network(x)
        parts = state if isinstance(state, tuple) else (state,)
        if returned == "sequence":
            assert torch.allclose(output[number, :length], sequence[0], atol=1e-6)
            assert (output[number, length:] == 0).all()
        elif returned == "last":
            expected = torch.cat((sequence[0, -1, :5], sequence[0, 0, 5:]))
            assert torch.allclose(output[number], expected, atol=1e-6)
        else:
            expected = torch.cat([part[:, 0] for part in parts], dim=-1)
            assert torch.allclose(output[number], expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@torch.no_grad()
def test_a_state_that_came_out_goes_in_again(kind: str, write: Write) -> None:
    given = _given()
    x, width = given["x"], 10 if kind == "lstm" else 5
    info = DataInfo(
        (STEPS, 3),
        "float32",
        "class",
        inputs=(
            InputInfo("first", (3, 3), "float32"),
            InputInfo("rest", (STEPS - 3, 3), "float32"),
        ),
    )
    recipe = write(
        f"""
        model:
          inputs: [first, rest]
          outputs: [state, ended]
          layers:
            - {{name: state, {kind}: {{hidden: 5, num_layers: 2, return: state}}, in: first}}
            - {{name: again, {kind}: {{hidden: 5, num_layers: 2, initial: state}}, in: rest}}
            - {{name: ended, index: -1}}
        """
    )
    network = materialise(assemble(recipe, info)).eval()
    whole: Any = network.get_submodule("state")
    again: Any = network.get_submodule("again")
    again.load_state_dict(whole.state_dict())
    got = network({"first": x[:, :3], "rest": x[:, 3:]})
    assert got["state"].shape == (3, 2, width)
    assert torch.allclose(got["ended"], whole.network(x)[0][:, -1], atol=1e-6)


@torch.no_grad()
def test_a_forget_gate_can_begin_open(write: Write) -> None:
    sections = "data: {type: builtin, name: digits, flat: true}\ntask: {type: classify}\n"
    lstm = "{lstm: {hidden: 5, forget_bias: 3, num_layers: 2}}"
    layers = f"[{{reshape: [64, 1]}}, {lstm}, {{index: -1}}]"
    info = DataInfo((64,), "float32", "class", classes=5)
    networks = []
    for text in (layers, layers.replace("forget_bias: 3, ", "")):
        torch.manual_seed(0)
        networks.append(compile_model(write(f"model: {{layers: {text}}}", sections=sections), info))
    added = torch.tensor([0.0] * 5 + [3.0] * 5 + [0.0] * 10)
    open_gates, closed = (dict(network.named_parameters()) for network in networks)
    for name, value in open_gates.items():
        change = added if "bias_hh" in name else torch.zeros_like(value)
        assert torch.allclose(value, closed[name] + change)
    wrong = layers.replace("forget_bias: 3", "forget_bias: 3, bias: false")
    recipe = write(f"model: {{layers: {wrong}}}", sections=sections)
    with pytest.raises(RecipeError, match="there are no biases to add to"):
        compile_model(recipe, info)
