"""Masks and boxes move with their pictures."""

from __future__ import annotations

import pytest
import torch

from dltui.errors import DataError
from dltui.worker.data.augment import build
from dltui.worker.data.geometry import IGNORED, NO_BOX
from dltui.worker.data.seeds import Dice

CPU = torch.device("cpu")
SIZE = (40, 60)


def apply(step, images, targets, target, seed=0):
    (augmentation,) = build([step], images=True, classes=4, target=target)
    return augmentation(images, targets, Dice(seed, CPU))


@pytest.fixture
def scenes():
    """Pictures `(16, 1, 40, 60)` of one light rectangle each, its mask and its box."""
    chance = torch.Generator().manual_seed(0)
    masks = torch.zeros(16, *SIZE, dtype=torch.uint8)
    boxes = torch.full((16, 2, 5), float(NO_BOX))
    for number in range(16):
        top, left = (int(torch.randint(5, 18, (1,), generator=chance)) for _ in range(2))
        masks[number, top : top + 12, left : left + 20] = 2
        boxes[number, 0] = torch.tensor([left, top, left + 20, top + 12, 1])
    return masks.unsqueeze(1).float() / 2, masks, boxes


EXACT = ["hflip", "vflip", {"crop": 6}, {"hflip": 1.0}]
SMOOTH = [
    {"random_resized_crop": {"scale": [0.5, 1.0]}},
    {"affine": {"degrees": 0.0, "translate": 0.1, "scale": 0.2}},
    {"rotate": 25.0},
]


@pytest.mark.parametrize("step", EXACT, ids=str)
def test_a_mask_is_mirrored_and_cropped_pixel_for_pixel(scenes, step):
    pictures, masks, _ = scenes
    changed, moved = apply(step, pictures, masks, "mask")
    inside = moved != IGNORED
    assert torch.equal(changed[:, 0][inside] == 1, moved[inside] == 2)
    assert torch.equal(apply(step, pictures, masks, "class")[0], changed)
    # Cropping pads: what was not in the picture is not judged.
    assert bool((~inside).any()) == (step == {"crop": 6})


@pytest.mark.parametrize("step", SMOOTH, ids=str)
def test_a_mask_is_turned_and_scaled_with_its_picture(scenes, step):
    pictures, masks, _ = scenes
    changed, moved = apply(step, pictures, masks, "mask")
    assert set(moved.unique().tolist()) <= {0, 2, IGNORED}
    inside = moved != IGNORED
    agree = (changed[:, 0] > 0.5)[inside] == (moved == 2)[inside]
    assert agree.float().mean() > 0.995


@pytest.mark.parametrize("step", [*EXACT, *SMOOTH], ids=str)
def test_a_box_stays_around_its_rectangle(scenes, step):
    pictures, _, boxes = scenes
    changed, moved = apply(step, pictures, boxes, "boxes")
    assert bool((moved[:, 1, 4] == NO_BOX).all())
    for picture, (left, top, right, bottom, label) in zip(
        changed, moved[:, 0].tolist(), strict=True
    ):
        rows, columns = (picture[0] > 0.5).nonzero().unbind(1)
        assert label == 1
        wanted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        for edge, seen in zip((left, top, right, bottom), wanted, strict=True):
            assert abs(edge - float(seen)) <= (1.6 if step in SMOOTH else 1e-3)


def test_a_box_that_leaves_the_picture_is_no_longer_asked_for():
    pictures = torch.rand(64, 1, 20, 20)
    boxes = torch.tensor([[[0.0, 0.0, 3.0, 3.0, 1.0]]]).expand(64, 1, 5).contiguous()
    _, moved = apply({"crop": 6}, pictures, boxes, "boxes")
    kept = moved[:, 0, 4] != NO_BOX
    assert 0 < int(kept.sum()) < 64
    widths = moved[:, 0, 2:4] - moved[:, 0, :2]
    assert bool((widths[kept].prod(1) >= 0.25 * 9).all())
    assert bool((widths[~kept].prod(1) < 0.25 * 9).all())


@pytest.mark.parametrize("step", ["cutout", "color_jitter", "noise"])
def test_what_moves_no_pixel_leaves_masks_alone(step):
    pictures, masks = torch.rand(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8), dtype=torch.uint8)
    changed, same = apply(step, pictures, masks, "mask")
    assert torch.equal(same, masks)
    assert not torch.equal(changed, pictures)


@pytest.mark.parametrize("step", ["mixup", "cutmix", "rand_augment", "trivial_augment"])
def test_what_cannot_move_masks_is_refused(step):
    with pytest.raises(DataError, match=f"{step} cannot change masks and boxes") as caught:
        build([step], images=True, classes=3, target="mask")
    assert caught.value.where == "data.augment.0"
