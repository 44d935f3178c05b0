"""What each augmentation does to a batch."""

from __future__ import annotations

import pytest
import torch

from dltui.errors import DataError
from dltui.recipe.schema.augment import AUGMENTATIONS
from dltui.worker.data.augment import build
from dltui.worker.data.seeds import Dice

CPU = torch.device("cpu")


@pytest.fixture
def images():
    return torch.rand(16, 3, 12, 10, generator=torch.Generator().manual_seed(0))


TARGETS = torch.arange(16) % 4


def apply(step, images, seed=0):
    inputs, targets = images, TARGETS
    for augmentation in build([step], images=True, classes=4):
        inputs, targets = augmentation(inputs, targets, Dice(seed, CPU))
    return inputs, targets


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_each_is_decided_by_the_seed_and_leaves_its_input_alone(images, name):
    before = images.clone()
    first, again, other = (apply(name, images, seed) for seed in (1, 1, 2))
    assert first[0].shape == images.shape
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(images, before)
    assert first[0].isfinite().all()


def test_flips_mirror_some_images_and_no_others(images):
    for step, dimension in (("hflip", 3), ("vflip", 2)):
        flipped, _ = apply(step, images)
        mirrored = images.flip(dimension)
        kinds = [
            torch.equal(f, m) - torch.equal(f, i)
            for f, m, i in zip(flipped, mirrored, images, strict=True)
        ]
        assert set(kinds) == {1, -1}
    assert torch.equal(apply({"hflip": 1.0}, images)[0], images.flip(3))
    assert torch.equal(apply({"hflip": 0.0}, images)[0], images)


def test_a_crop_is_the_image_shifted(images):
    cropped, _ = apply({"crop": 2}, images)
    padded = torch.nn.functional.pad(images, [2] * 4)
    for number, image in enumerate(cropped):
        shifts = [
            padded[number, :, row : row + 12, column : column + 10]
            for row in range(5)
            for column in range(5)
        ]
        assert any(torch.equal(image, shifted) for shifted in shifts)


def test_a_resized_crop_is_a_part_of_the_image_in_the_old_size(images):
    across = torch.linspace(0, 1, 32).expand(16, 3, 32, 32).contiguous()
    square = {"scale": [0.25, 0.25], "ratio": [1, 1]}
    cut, _ = apply({"random_resized_crop": square}, across)
    assert cut.shape == across.shape
    widths = cut[:, 0, 0, -1] - cut[:, 0, 0, 0]
    assert torch.allclose(widths, torch.full((16,), 0.5), atol=0.03)
    assert len(cut[:, 0, 0, 0].unique()) == 16
    whole, _ = apply({"random_resized_crop": {"scale": [1, 1], "ratio": [1, 1]}}, images)
    assert torch.allclose(whole, images, atol=1e-5)


def test_a_turn_by_nothing_changes_nothing(images):
    assert torch.allclose(apply({"rotate": 0.0}, images)[0], images, atol=1e-5)
    still = {"degrees": 0.0, "translate": 0.0, "scale": 0.0, "shear": 0.0}
    assert torch.allclose(apply({"affine": still}, images)[0], images, atol=1e-5)


def test_a_turn_keeps_the_centre_and_lengths(images):
    # A disc of other sides than the image's stays a disc under any turn.
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(60), indexing="ij")
    disc = (((rows - 19.5).square() + (columns - 29.5).square()) < 144).float()
    turned, _ = apply({"rotate": 90.0}, disc.expand(16, 3, 40, 60))
    assert (turned - disc).abs().mean() < 0.01


def test_cutout_blanks_a_square(images):
    holed, _ = apply({"cutout": 4}, images + 0.1)
    holes = (holed == 0).all(1).sum((1, 2))
    assert holes.max() == 16
    assert holes.min() >= 4


def test_colour_jitter_stays_in_range_and_hue_keeps_brightness(images):
    strong = {"brightness": 0.9, "contrast": 0.9, "saturation": 0.9, "hue": 0.5}
    jittered, _ = apply({"color_jitter": strong}, images)
    assert 0 <= jittered.min() <= jittered.max() <= 1
    hue = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.5}
    pale = 0.4 + 0.1 * images
    turned, _ = apply({"color_jitter": hue}, pale)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    assert torch.allclose((turned * weights).sum(1), (pale * weights).sum(1), atol=1e-3)
    assert not torch.allclose(turned, pale, atol=1e-3)


def test_mixup_blends_images_and_targets_alike():
    numbers = TARGETS.float().view(16, 1, 1, 1).expand(16, 1, 2, 2)
    mixed, shares = apply({"mixup": 1.0}, numbers)
    assert shares.shape == (16, 4)
    assert torch.allclose(shares.sum(1), torch.ones(16))
    assert torch.allclose(mixed[:, 0, 0, 0], shares @ torch.arange(4.0), atol=1e-5)


def test_cutmix_shares_are_the_areas():
    numbers = TARGETS.float().view(16, 1, 1, 1).expand(16, 1, 10, 10)
    for seed in range(20):
        mixed, shares = apply("cutmix", numbers, seed)
        assert torch.allclose(mixed.mean((1, 2, 3)), shares @ torch.arange(4.0), atol=1e-4)


def test_mixup_and_cutmix_take_turns(images):
    both = build(["mixup", "cutmix"], images=True, classes=4)
    assert len(both) == 1
    chosen = set()
    for seed in range(12):
        result, _ = both[0](images, TARGETS, Dice(seed, CPU))
        # A pasted image keeps pixels exactly, a blended one next to none.
        kept = (result == images).float().mean()
        chosen.add("cutmix" if kept > 0.1 else "mixup")
    assert chosen == {"mixup", "cutmix"}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("hflop", "Did you mean 'hflip'"),
        ({"crop": {"pading": 3}}, "Did you mean 'padding'"),
        ({"trivial_augment": {"p": 1}}, "takes no arguments"),
        ({"hflip": 0.5, "vflip": 0.5}, "one key"),
        ({"random_resized_crop": {"scale": [1, 0.5]}}, "no range"),
        ({"random_resized_crop": {"ratio": [1]}}, "no range"),
    ],
)
def test_a_wrong_augmentation_is_refused_with_the_nearest(step, message):
    with pytest.raises(DataError, match=message) as caught:
        build([step], images=True, classes=4)
    assert str(caught.value.where).startswith("data.augment.0")


def test_tables_take_noise_but_no_flips(recipe):
    from dltui.worker.data import open_data

    with pytest.raises(DataError, match="hflip needs images"):
        open_data(recipe(type="builtin", name="wine", augment=["hflip"]), seed=0, device="cpu")
    noisy = recipe(type="builtin", name="wine", augment=[{"noise": 0.1}], batch_size=500)
    plain = recipe(type="builtin", name="wine", batch_size=500)
    left, right = (next(open_data(r, seed=0, device="cpu").train.epoch(0)) for r in (noisy, plain))
    assert 0.08 < float((left.inputs - right.inputs).std()) < 0.12
