"""The module tree: order, sizes, folding."""

import pytest
import torch
import torchvision

from dltui.inspect import tree as module_tree
from dltui.inspect.contents import Module
from dltui.inspect.parts import parts
from dltui.inspect.tree import Node, tree, walk
from tests.inspect.made import checkpoint, of_state, tensor


def by_path(node: Node) -> dict[str, Node]:
    return {each.path: each for each in walk(node)}


def resnet() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return torchvision.models.resnet18().state_dict()


def test_a_network_has_the_parameters_that_torch_counts() -> None:
    root = tree(of_state(resnet()))
    assert root.parameters == 11_689_512
    layer = by_path(root)["layer1"]
    assert layer.parameters == 147_968
    assert layer.size_bytes == sum(
        t.numel() * t.element_size() for n, t in resnet().items() if n.startswith("layer1")
    )


def test_equal_neighbours_are_one_node_that_says_how_many() -> None:
    (block,) = by_path(tree(of_state(resnet())))["layer1"].children
    assert (block.name, block.times) == ("0", 2)
    assert block.paths == ("layer1.0", "layer1.1")
    assert block.parameters == 147_968
    assert [child.name for child in block.children] == ["conv1", "bn1", "conv2", "bn2"]
    # The second stage begins with a block that has a shortcut of its own.
    assert [child.times for child in by_path(tree(of_state(resnet())))["layer2"].children] == [1, 1]


def test_blocks_are_equal_in_whatever_order_a_file_has_their_tensors() -> None:
    names = ("h.0.a.w", "h.0.b.w", "h.1.b.w", "h.1.a.w")
    (blocks,) = by_path(tree(checkpoint(*(tensor(name, 2) for name in names))))["h"].children
    assert (blocks.times, [child.name for child in blocks.children]) == (2, ["a", "b"])
    assert [each.name for each in blocks.tensors_below] == list(names)


def test_unfolded_every_module_stands_for_itself() -> None:
    root = tree(of_state(resnet()), folded=False)
    assert {each.times for each in walk(root)} == {1}
    assert by_path(root)["layer1.1"].parameters == 73_984


def test_numbers_count_up_where_a_file_is_sorted_by_letter() -> None:
    names = sorted(f"h.{i}.w" for i in range(12))
    shapes = [tensor(name, 2, 3 + int(name.split(".")[1])) for name in names]
    (blocks,) = tree(checkpoint(*shapes)).children
    assert [child.name for child in blocks.children] == [str(i) for i in range(12)]


def test_the_order_of_a_file_is_kept() -> None:
    root = tree(checkpoint(tensor("stem.w", 2), tensor("body.w", 3), tensor("head.w", 4)))
    assert [child.name for child in root.children] == ["stem", "body", "head"]


def test_a_storage_that_two_names_share_counts_once_wherever_both_are() -> None:
    tied = checkpoint(
        tensor("a.w", 10, 4, storage="s"),
        tensor("a.v", 10, 4, storage="s"),
        tensor("b.w", 10, 4, storage="s"),
        tensor("b.bias", 10),
    )
    nodes = by_path(tree(tied))
    assert nodes["a"].parameters == 40
    assert nodes["b"].parameters == 50
    assert (nodes[""].parameters, nodes[""].size_bytes) == (50, 200)


def test_folded_blocks_that_share_weights_count_them_once() -> None:
    shared = [tensor(f"h.{i}.w", 8, storage="s") for i in range(3)]
    (blocks,) = by_path(tree(checkpoint(*shared)))["h"].children
    assert (blocks.times, blocks.parameters, blocks.size_bytes) == (3, 8, 32)


def test_classes_and_settings_stand_at_their_modules_and_part_unlike_ones() -> None:
    norms = [tensor("f.0.weight", 4), tensor("f.1.weight", 4)]
    modules = {"f.0": Module("LayerNorm", {"eps": 1e-5}), "f.1": Module("RMSNorm", {"eps": 1e-5})}
    children = by_path(tree(checkpoint(*norms, modules=modules)))["f"].children
    assert [(c.class_name, c.times) for c in children] == [("LayerNorm", 1), ("RMSNorm", 1)]
    assert children[0].settings == {"eps": 1e-5}


def test_a_part_is_shown_from_its_prefix_on() -> None:
    nested = checkpoint(
        tensor("state_dict.net.weight", 2, 2), tensor("optimizer.state.0.momentum_buffer", 2, 2)
    )
    model, optimizer = parts(nested)
    root = tree(nested, model)
    assert [child.path for child in root.children] == ["state_dict.net"]
    assert tree(nested, optimizer).size_bytes == 16


def test_a_module_is_named_as_its_tensors_are_whatever_the_dots() -> None:
    names = ("a..b.w", ".c.w", "..w", "a.", "a.b.w", "d..w")
    for node in walk(tree(checkpoint(*(tensor(name, 2) for name in names)))):
        below = [each.name for each in node.tensors_below]
        assert all(name.startswith(f"{node.path}.") for name in below) or not node.path
    assert sum(len(node.tensors) for node in walk(tree(checkpoint(*map(tensor, names))))) == 6


def test_a_file_of_very_many_modules_is_a_tree_of_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module_tree, "MAX_NODES", 1_000)
    names = [f"{i}." + "a." * 50 + "w" for i in range(400)]
    nodes = list(walk(tree(checkpoint(*(tensor(name, 2) for name in names)), folded=False)))
    assert 1_000 < len(nodes) < 1_500
    assert sorted(each.name for node in nodes for each in node.tensors) == sorted(names)
    assert nodes[0].parameters == 800


def test_names_with_a_million_dots_are_no_deep_tree() -> None:
    root = tree(checkpoint(tensor("." * 1_000_000 + "a", 2)))
    assert sum(1 for _ in walk(root)) <= 66
