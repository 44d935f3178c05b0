"""Synthetic shapes are labelled with just what is drawn."""

from __future__ import annotations

import pytest
import torch

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.geometry import NO_BOX


def examples(recipe, task, **data):
    opened = open_data(recipe(task, type="shapes", **data), seed=0, device="cpu")
    part = opened.parts["train"]
    return opened, part.fetch(torch.arange(len(part)), None)


def test_masks_mark_the_pixels_that_differ_from_the_ground(recipe):
    opened, raw = examples(recipe, "segment", count=50, size=[40, 48], noise=0.0)
    assert opened.info.class_names == ("background", "circle", "square", "triangle")
    assert raw.inputs.shape == (40, 3, 40, 48)
    assert raw.targets.shape == (40, 40, 48)
    for picture, mask in zip(raw.inputs, raw.targets, strict=True):
        ground = picture[:, mask == 0]
        assert bool((ground == ground[:, :1]).all())
        differs = (picture.int() - ground[:, :1, None].int()).abs().amax(0) > 60
        assert torch.equal(differs, mask > 0)
    assert set(raw.targets.unique().tolist()) == {0, 1, 2, 3}


def test_boxes_are_tight_and_shapes_do_not_touch(recipe):
    pytest.importorskip("dltui.recipe.tasks.detect")
    _, raw = examples(recipe, "detect", count=50, noise=0.0)
    for picture, boxes in zip(raw.inputs, raw.targets, strict=True):
        found = boxes[boxes[:, 4] != NO_BOX]
        assert len(found) >= 1
        ground = picture[:, 0, 0][:, None, None]
        drawn = (picture.int() - ground.int()).abs().amax(0) > 0
        covered = torch.zeros_like(drawn)
        for left, top, right, bottom in found[:, :4].int().tolist():
            inside = drawn[top:bottom, left:right]
            assert all(bool(edge.any()) for edge in (inside[0], inside[-1], inside[:, 0]))
            covered[top:bottom, left:right] = True
        assert not bool((drawn & ~covered).any())


def test_a_class_has_one_shape_and_the_seed_decides_all(recipe):
    opened, raw = examples(recipe, "classify", count=60)
    _, again = examples(recipe, "classify", count=60)
    _, other = examples(recipe, "classify", count=60, seed=1)
    assert opened.info.classes == 3
    assert torch.equal(raw.inputs, again.inputs)
    assert not torch.equal(raw.inputs, other.inputs)
    assert opened.info.notes[0] == "synthetic pictures of 1 shape each, drawn from seed 0"


def test_strange_wishes_are_refused(recipe):
    with pytest.raises(DataError, match="no range of shapes"):
        describe(recipe("segment", type="shapes", objects=[3, 1]))
    with pytest.raises(DataError, match="no image size"):
        describe(recipe("segment", type="shapes", size=[1, 2, 3]))
    with pytest.raises(DataError, match="one class only"):
        describe(recipe("classify", type="shapes", shapes=["circle"]))
    with pytest.raises(DataError, match="task regress does not fit"):
        describe(recipe("regress", type="shapes"))
