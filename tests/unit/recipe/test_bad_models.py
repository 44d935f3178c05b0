"""Mistakes in the layer language: each at its place, before any tensor is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dltui.errors import Problem

Refuse = Callable[..., list[Problem]]


@pytest.mark.parametrize(
    ("layer", "column", "path", "message"),
    [
        ("covn: 64", 7, ".covn", "unknown layer `covn`; did you mean `conv`?"),
        ("reluu", 7, "", "unknown layer `reluu`; did you mean `relu`?"),
        ("3", 7, "", "expected a layer (`relu` or `linear: 128`), not 3"),
        ("[relu, relu]", 7, "", "a nested list needs a name"),
        ("linear", 7, "", "`linear` needs `out` (output features), e.g. `linear: …`"),
        ("linear: abc", 15, ".linear", "`out` takes a whole number, not the text 'abc'"),
        ("linear: 0", 15, ".linear", "`out` is at least 1, not 0"),
        ("linear: 1.5", 15, ".linear", "`out` takes a whole number, not 1.5"),
        ("linear: [1, 2]", 15, ".linear", "`out` takes a whole number, not a list"),
        ("dropout: 1.5", 16, ".dropout", "`p` is at most 1, not 1.5"),
        ("relu: 3", 13, ".relu", "`relu` takes no arguments, not 3"),
        ("conv: {out: 3, kernal: 5}", 22, ".conv.kernal", "did you mean `kernel`?"),
        ("conv: {out: 3, bias: 1}", 28, ".conv.bias", "`bias` takes true or false, not 1"),
        ("gelu: tan", 13, ".gelu", "`approximate` takes none or tanh, not the text 'tan'"),
        ("{linear: 3, relu: }", 19, ".relu", "two layers in one item (`linear`, `relu`)"),
        ("{conv: 3, kernel: 5}", 17, ".kernel", "`conv: {kernel: …}`"),
        ("{relu: , nmae: a}", 16, ".nmae", "unknown key `nmae`; did you mean `name`?"),
        ("{name: a}", 7, "", "a layer is missing here"),
        ("{relu: , name: a.b}", 22, ".name", "a name is letters, digits and _"),
        ("{relu: , in: nowhere}", 20, ".in", "unknown input `nowhere`"),
        ("{relu: , in: [1]}", 21, ".in", "`in` takes names of layers, not 1"),
        ("add", 7, "", "`add` joins at least 2 inputs: add `in: [a, b]`"),
        ("{relu: , in: [input, input]}", 8, ".relu", "`relu` takes at most 1, not 2 inputs"),
        ("use: enc", 12, ".use", "unknown layer `enc`"),
        ("tied_linear: embed", 20, ".tied_linear", "unknown layer `embed`"),
        ("{relu: , shortcut: project}", 16, ".shortcut", "`shortcut` goes with `residual`"),
        ("{residual: [relu], shortcut: pro}", 36, ".shortcut", "takes project, identity or a"),
        ("{residual: relu}", 18, ".residual", "expected a list of layers"),
        ("{residual: []}", 8, ".residual", "the layer list is empty"),
        ("{repeat: 3}", 8, "", "`repeat` needs `layers: […]` beside it"),
        ("{repeat: three, layers: [relu]}", 16, ".repeat", "takes a whole number, not the text"),
        ("{repeat: -1, layers: [relu]}", 16, ".repeat", "takes a whole number, not -1"),
        ("{repeat: 10000000, layers: [relu]}", 7, "", "unrolls to more than 20,000 layers"),
        (
            "{repeat: 2000, layers: [{repeat: 2000, layers: [relu]}]}",
            7,
            "",
            "unrolls to more than 20,000 layers",
        ),
        ("{for: {a: 3}, layers: [relu]}", 17, ".for.a", "`a` takes a list of values, not 3"),
        ("{for: [3], layers: [relu]}", 13, ".for", "`for` takes lists by name"),
        ("{for: {a: [1], b: [1, 2]}, layers: [relu]}", 8, ".for", "a has 1, b has 2"),
        ("{for: {a: [1]}, layers: [{linear: $(b)}]}", 41, ".layers.0.linear", "unknown name `b`"),
        ("{layers: [relu], kind: 3}", 24, ".kind", "unknown key `kind`"),
        ("linear: $(data.clases)", 15, ".linear", "did you mean `data.classes`?"),
        ("linear: $(3 +)", 15, ".linear", "is not an expression"),
        ("linear: $(3", 15, ".linear", "the parenthesis is not closed"),
        ("linear: $(open(3))", 15, ".linear", "unknown function `open`"),
        ("linear: $(().__class__)", 15, ".linear", "is not part of the arithmetic"),
    ],
)
def test_a_wrong_layer_is_told_at_its_place(
    layer: str, column: int, path: str, message: str, refuse_layers: Refuse
) -> None:
    problems = refuse_layers(layer)
    first = problems[0]
    assert (first.line, first.column, first.path) == (5, column, f"model.layers.0{path}")
    assert message in first.message
    assert len(problems) == 1


def test_all_wrong_layers_are_told_at_once(refuse_layers: Refuse) -> None:
    problems = refuse_layers("covn: 3", "relu", "linear: x", "{add: , in: [a, b]}")
    assert [(p.line, p.path) for p in problems] == [
        (5, "model.layers.0.covn"),
        (7, "model.layers.2.linear"),
        (8, "model.layers.3.in"),
    ]


def test_two_layers_of_one_name_are_refused(refuse_layers: Refuse) -> None:
    problems = refuse_layers("{relu: , name: a}", "{gelu: , name: a}")
    assert [(p.line, p.column, p.message) for p in problems] == [
        (6, 22, "two layers are named `a`")
    ]


def test_a_layer_cannot_take_what_comes_later(refuse_layers: Refuse) -> None:
    problems = refuse_layers("{relu: , in: later}", "{gelu: , name: later}")
    assert [(p.line, p.path) for p in problems] == [(5, "model.layers.0.in")]


_BLOCKS = """\
data: {{type: builtin, name: digits}}
task: {{type: classify}}
model:
  blocks:
    {block}
  layers: [{layer}]
"""


@pytest.mark.parametrize(
    ("block", "layer", "place", "message"),
    [
        ("a: {layers: [a]}", "a", (5, 5), "block `a` contains itself: a → a"),
        (
            "a: {layers: [b]}\n    b: {layers: [{repeat: 2, layers: [a]}]}",
            "a",
            (5, 5),
            "block `a` contains itself: a → b → a",
        ),
        ("relu: {layers: [gelu]}", "relu", (5, 5), "`relu` is a layer already"),
        ("a: {params: {n: 1}}", "a", (5, 5), "block `a` needs `layers: […]`"),
        ("a: {layer: [gelu], layers: [gelu]}", "a", (5, 9), "did you mean `layers`?"),
        ("a: {params: {n: null}, layers: [{linear: $(n)}]}", "a", (6, 12), "needs `n`"),
        ("a: {params: {n: 1}, layers: [{linear: $(n)}]}", "a: {m: 1}", (6, 17), "parameter `m`"),
        ("a: {params: {n: 1}, layers: [{linear: $(k)}]}", "a", (5, 43), "unknown name `k`"),
        ("a: {layers: [relu]}", "a: 3", (6, 16), "block `a` has no `params`"),
        ("a: {params: [n], layers: [relu]}", "a", (5, 17), "expected a map of defaults"),
        ("basic: {layers: [relu]}", "bsic", (6, 12), "did you mean `basic`?"),
    ],
)
def test_a_wrong_block_is_told_at_its_place(
    block: str, layer: str, place: tuple[int, int], message: str, refuse: Refuse
) -> None:
    problems = refuse(_BLOCKS.format(block=block, layer=f"{{{layer}}}" if ":" in layer else layer))
    found = [(p.line, p.column) for p in problems if message in p.message]
    assert found == [place]


def test_blocks_that_double_each_other_are_refused_by_their_size(refuse: Refuse) -> None:
    blocks = ["b0: {layers: [relu, relu]}"]
    blocks += [f"b{n}: {{layers: [b{n - 1}, b{n - 1}]}}" for n in range(1, 40)]
    problems = refuse(_BLOCKS.format(block="\n    ".join(blocks), layer="b39"))
    assert any("unrolls to more than 20,000 layers" in problem.message for problem in problems)


@pytest.mark.parametrize(
    ("model", "path", "message"),
    [
        ("{}", "model", "`model` needs `layers: […]` or `from: NAME`"),
        ("[relu]", "model", "expected a map with `layers` or `from`, not a list"),
        ("{layers: [relu], freze: a}", "model.freze", "did you mean `freeze`?"),
        ("{layers: [relu], freeze: a}", "model.freeze", "`freeze` goes with `from`"),
        ("{from: torchvision/resnet18, layers: [relu]}", "model.layers", "does not go with `from`"),
        ("{from: resnet18}", "model.from", "expected torchvision/NAME, timm/NAME"),
        ("{from: ./gone.pt}", "model.from", "there is no file"),
        ("{from: torchvision/resnet18, replace_head: x}", "model.replace_head", "expected true"),
        ("{from: torchvision/resnet18, lora: {rang: 3}}", "model.lora.rang", "`rank`"),
        ("{layers: [relu], outputs: [a]}", "model.outputs.0", "unknown layer `a`"),
        ("{layers: [relu], inputs: [a, a]}", "model.inputs.1", "`a` is named twice"),
        ("{layers: [relu], init: [{init: xavir}]}", "model.init.0.init", "did you mean `xavier"),
        ("{layers: [relu], init: [{match: a}]}", "model.init.0", "expected a rule"),
        ("{layers: [relu], init: [{init: constant}]}", "model.init.0", "`constant` needs `value`"),
        (
            "{layers: [relu], init: [{init: normal, sdt: 1}]}",
            "model.init.0.sdt",
            "did you mean `std`?",
        ),
    ],
)
def test_a_wrong_model_section_is_told(model: str, path: str, message: str, refuse: Refuse) -> None:
    text = f"model: {model}\ndata: {{type: builtin, name: digits}}\ntask: {{type: classify}}\n"
    problem = refuse(text)[0]
    assert (problem.line, problem.path) == (1, path)
    assert message in problem.message


def test_a_parameter_that_an_override_misspells_is_named(refuse: Refuse) -> None:
    text = """\
name: small
data: {type: builtin, name: digits}
model: {params: {width: 8, left: 1}, layers: [flatten, {linear: $(width)}, {linear: 10}]}
task: {type: classify}
"""
    (problem,) = refuse(text, ["model.params.widht=32"])
    assert str(problem).startswith('override "model.params.widht=32": unknown parameter `widht`')
    assert problem.message.endswith("did you mean `width`?")
