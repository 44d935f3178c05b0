"""The rows of the module tree: folded, opened, filtered."""

from pathlib import Path

import pytest

from dltui.inspect.selection import Selection
from dltui.ui.inspect.opening import OpenedFile
from dltui.ui.inspect.rows import Outline
from tests.ui.inspect.files import saved


@pytest.fixture
def outline(tmp_path: Path) -> Outline:
    file = OpenedFile(saved(tmp_path))
    return Outline("model", file.root, lambda: file.unfolded_root)


def shown(outline: Outline) -> list[str]:
    return ["  " * row.depth + row.name for row in outline.rows()]


def row(outline: Outline, name: str):
    return next(row for row in outline.rows() if row.name == name)


def test_a_closed_tree_shows_the_first_level_with_single_tensors_in_one_row(
    outline: Outline,
) -> None:
    assert shown(outline)[0] == "model"
    assert sorted(shown(outline)[1:]) == ["  h", "  head.weight", "  wpe.weight", "  wte.weight"]


def test_blocks_that_are_alike_are_one_row_until_they_are_unfolded(outline: Outline) -> None:
    outline.toggle(row(outline, "h"))
    group = row(outline, "0")
    assert group.is_group
    assert group.node.times == 3
    outline.unfold(group)
    assert [each.name for each in outline.rows() if each.depth == 2] == ["0", "1", "2"]
    outline.toggle(row(outline, "1"), opened=True)
    outline.toggle(row(outline, "attn"), opened=True)
    assert row(outline, "bias").tensor.name == "h.1.attn.bias"
    assert outline.fold(row(outline, "bias")) == group.key
    assert row(outline, "0").is_group


def test_a_filter_shows_every_block_with_what_it_finds(outline: Outline) -> None:
    outline.selection = Selection.parse("attn.bias")
    names = [each.tensor.name for each in outline.rows() if each.tensor]
    assert names == ["h.0.attn.bias", "h.1.attn.bias", "h.2.attn.bias"]
    outline.selection = Selection.parse("nothing-is-called-so")
    assert shown(outline) == ["model"]


@pytest.mark.parametrize("name", ["h.0.attn.bias", "h.2.attn.bias", "wte.weight"])
def test_any_tensor_can_be_brought_into_sight(outline: Outline, name: str) -> None:
    key = outline.reveal(name)
    found = next(each for each in outline.rows() if each.key == key)
    assert found.tensor.name == name


def test_a_tensor_that_is_not_there_is_not_found(outline: Outline) -> None:
    assert outline.reveal("h.3.attn.bias") is None


def test_everything_below_opens_and_closes_at_once(outline: Outline) -> None:
    root = outline.rows()[0]
    outline.toggle_all(root)
    assert sum(each.tensor is not None for each in outline.rows()) == 3 + 4
    outline.toggle_all(root)
    assert len(outline.rows()) == 1


def test_a_small_file_is_open_at_once_as_far_as_it_fits(outline: Outline) -> None:
    outline.open_while_it_fits(40)
    assert row(outline, "attn").is_open
    outline.opened.clear()
    outline.open_while_it_fits(3)
    assert len(outline.rows()) == 5
