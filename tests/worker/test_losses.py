"""Losses against references, and targets mixed by mixup."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from dltui.recipe.tasks.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Focal,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
)
from dltui.worker.losses import binary_focal, class_loss, focal, label_loss, penalty, value_loss

LOGITS = torch.randn(32, 5, generator=torch.Generator().manual_seed(1)) * 3
CLASSES = torch.randint(5, (32,), generator=torch.Generator().manual_seed(2))
LABELS = (torch.rand(32, 5, generator=torch.Generator().manual_seed(3)) > 0.6).float()
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0])


def test_focal_is_the_formula_of_the_paper() -> None:
    gamma = 2.0
    expected = 0.0
    for logits, truth in zip(LOGITS.double(), CLASSES, strict=True):
        chance = torch.exp(logits[truth]) / torch.exp(logits).sum()
        expected += float(-((1 - chance) ** gamma) * torch.log(chance)) / len(LOGITS)
    assert float(focal(LOGITS, CLASSES, gamma)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_without_focus_is_cross_entropy(weights: torch.Tensor | None) -> None:
    expected = F.cross_entropy(LOGITS, CLASSES, weight=weights)
    assert float(focal(LOGITS, CLASSES, 0.0, weights)) == pytest.approx(float(expected), rel=1e-5)


def test_focal_of_one_hot_targets_is_focal_of_classes() -> None:
    soft = F.one_hot(CLASSES, 5).float()
    hard = float(focal(LOGITS, CLASSES, 1.5))
    assert float(focal(LOGITS, soft, 1.5)) == pytest.approx(hard, rel=1e-5)


def test_focal_of_labels_agrees_with_torchvision() -> None:
    from torchvision.ops import sigmoid_focal_loss  # slow to import

    expected = sigmoid_focal_loss(LOGITS, LABELS, alpha=-1, gamma=2.0, reduction="mean")
    assert float(binary_focal(LOGITS, LABELS, 2.0, None)) == pytest.approx(float(expected))


def test_cross_entropy_takes_smoothing_weights_and_mixed_targets() -> None:
    section = CrossEntropy(label_smoothing=0.1)
    expected = F.cross_entropy(LOGITS, CLASSES, WEIGHTS, label_smoothing=0.1)
    assert torch.equal(class_loss(section, WEIGHTS)(LOGITS, CLASSES), expected)
    mixed = 0.3 * F.one_hot(CLASSES, 5) + 0.7 * F.one_hot(CLASSES.flip(0), 5)
    loss = class_loss(CrossEntropy(), None)
    parts = 0.3 * loss(LOGITS, CLASSES) + 0.7 * loss(LOGITS, CLASSES.flip(0))
    assert float(loss(LOGITS, mixed)) == pytest.approx(float(parts), rel=1e-5)


def test_bce_weighs_the_positive_examples() -> None:
    loss = label_loss(BinaryCrossEntropy(), WEIGHTS)(LOGITS, LABELS)
    chance = LOGITS.double().sigmoid()
    terms = -(WEIGHTS * LABELS * chance.log() + (1 - LABELS) * (1 - chance).log())
    assert float(loss) == pytest.approx(float(terms.mean()), rel=1e-5)


def test_losses_of_numbers_are_torchs() -> None:
    truth = LOGITS.flip(0)
    assert value_loss(MeanSquaredError())(LOGITS, truth) == F.mse_loss(LOGITS, truth)
    assert value_loss(MeanAbsoluteError(type="l1"))(LOGITS, truth) == F.l1_loss(LOGITS, truth)
    huber = value_loss(Huber(type="huber", delta=0.3))(LOGITS, truth)
    assert huber == F.huber_loss(LOGITS, truth, delta=0.3)


def test_penalties_pull_the_weights_to_zero() -> None:
    weight = torch.tensor([[1.0, -2.0]], requires_grad=True)
    value = penalty([weight], l1=0.1, l2=0.01)
    value.backward()
    assert value.item() == pytest.approx(0.1 * 3 + 0.01 * 5)
    assert weight.grad is not None
    assert weight.grad.tolist() == [pytest.approx([0.1 + 0.02, -0.1 - 0.04])]


def test_a_focal_section_makes_a_focal_loss() -> None:
    loss = class_loss(Focal(type="focal", gamma=2.0), None)
    assert torch.equal(loss(LOGITS, CLASSES), focal(LOGITS, CLASSES, 2.0))
