"""Training that is really broken is named, with its place, its evidence and a remedy."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from dltui.doctor import Finding


def mlp(*sizes: int, activation=nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes[:-1]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def by_rule(findings: list[Finding]) -> dict[str, Finding]:
    assert all(finding.message and finding.remedy for finding in findings)
    return {finding.rule: finding for finding in findings}


def test_a_rate_of_ten_diverges_and_the_remedy_is_a_lower_rate(train, digits):
    model = mlp(64, 64, 32, 10)
    found = by_rule(train(model, digits, SGD(model.parameters(), 10.0), epochs=4))
    finding = found["learning_rate_too_high"]
    assert float(finding.remedy.partition("optimizer.lr=")[2]) < 1


def test_adam_with_a_rate_of_one_is_too_high(train, digits):
    model = mlp(64, 64, 32, 10)
    found = by_rule(train(model, digits, AdamW(model.parameters(), 1.0), epochs=5))
    assert found["learning_rate_too_high"].evidence["update_ratio"] > 0.5


def test_a_rate_of_1e_7_is_too_low_and_a_better_one_is_suggested(train, digits):
    model = mlp(64, 64, 32, 10)
    found = by_rule(train(model, digits, AdamW(model.parameters(), 1e-7), epochs=6))
    finding = found["learning_rate_too_low"]
    assert finding.evidence["update_ratio"] < 1e-5
    assert finding.evidence["learning_rate"] == pytest.approx(1e-7)
    suggested = float(finding.remedy.partition("optimizer.lr=")[2])
    assert 1e-5 <= suggested <= 1e-2


def test_a_deep_sigmoid_network_has_vanishing_gradients_in_its_first_layers(train, digits):
    model = mlp(64, *[32] * 8, 10, activation=nn.Sigmoid)
    found = by_rule(train(model, digits, SGD(model.parameters(), 0.1), epochs=5))
    finding = found["vanishing_gradients"]
    assert finding.layer == "0"
    assert finding.evidence["ratio"] < 1e-3
    assert found.keys() & {"at_chance", "not_learning"}


def test_relu_units_behind_a_bias_of_minus_100_are_dead(train, digits):
    model = mlp(64, 64, 32, 10)
    with torch.no_grad():
        model[2].bias.fill_(-100.0)
    found = by_rule(train(model, digits, AdamW(model.parameters(), 1e-3), epochs=5))
    finding = found["dead_units"]
    assert (finding.severity, finding.layer) == ("error", "3")
    assert "after 2" in finding.message
    assert found["no_gradient"].layer == "0"


def test_a_layer_that_is_cut_off_has_no_gradient_and_a_frozen_one_is_no_fault(train, digits):
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.frozen = nn.Linear(64, 64).requires_grad_(False)
            self.before = nn.Linear(64, 64)
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            return self.head(self.before(self.frozen(x).relu()).relu().detach())

    model = Cut()
    trained = [p for p in model.parameters() if p.requires_grad]
    found = by_rule(train(model, digits, AdamW(trained, 3e-3), epochs=6))
    assert found["no_gradient"].layer == "before"
    assert "frozen" not in found["no_gradient"].message


def test_the_first_layer_with_nan_and_its_step_are_named(train, digits):
    model = mlp(64, 32, 32, 10)
    calls = iter(range(10_000))

    def breaks(module, args, output):
        return output * float("nan") if next(calls) == 30 and module.training else None

    model[2].register_forward_hook(breaks)
    found = by_rule(train(model, digits, SGD(model.parameters(), 0.1), epochs=3, every=1))
    finding = found["nonfinite"]
    assert finding.severity == "error"
    assert finding.layer == "3"  # the activation behind the broken layer is what is measured
    assert "behind 2" in finding.message
    assert finding.step == 30  # the evaluation after step 23 was a call, too


def test_memorised_label_noise_is_overfitting(train, digits):
    generator = torch.Generator().manual_seed(0)
    labels = digits.y[:300].clone()
    noisy = torch.rand(300, generator=generator) < 0.4
    labels[noisy] = torch.randint(0, 10, (int(noisy.sum()),), generator=generator)
    few = dataclasses.replace(digits, x=digits.x[:300], y=labels)
    model = mlp(64, 256, 10)
    found = by_rule(train(model, few, AdamW(model.parameters(), 3e-3), epochs=40))
    finding = found["overfitting"]
    assert finding.evidence["val_now"] > 1.25 * finding.evidence["val_best"]
    assert "trainer.early_stopping" in finding.remedy


def test_a_few_examples_learned_by_heart_are_overfitting(train, digits):
    few = dataclasses.replace(digits, x=digits.x[:60], y=digits.y[:60])
    model = mlp(64, 256, 10)
    found = by_rule(train(model, few, AdamW(model.parameters(), 1e-2), epochs=80))
    assert found.keys() == {"overfitting"}


def test_a_class_missing_from_training_is_never_predicted(train, digits):
    kept = digits.y != 8
    without = dataclasses.replace(digits, x=digits.x[kept], y=digits.y[kept])
    model = mlp(64, 64, 10)
    found = by_rule(train(model, without, AdamW(model.parameters(), 3e-3), epochs=6))
    assert "Class 8 was never predicted" in found["class_never_predicted"].message


def test_random_labels_stay_at_chance(train, digits):
    labels = torch.randint(0, 10, digits.y.shape, generator=torch.Generator().manual_seed(0))
    val = torch.randint(0, 10, digits.val_y.shape, generator=torch.Generator().manual_seed(1))
    noise = dataclasses.replace(digits, y=labels, val_y=val)
    model = mlp(64, 4, 10)
    found = by_rule(train(model, noise, SGD(model.parameters(), 0.01), epochs=6))
    assert found["at_chance"].evidence["chance"] == pytest.approx(np.log(10))


def test_large_weights_saturate_a_hidden_tanh(train, digits):
    model = mlp(64, 64, 10, activation=nn.Tanh)
    with torch.no_grad():
        model[0].weight.mul_(300)
    found = by_rule(train(model, digits, SGD(model.parameters(), 1e-3), epochs=4))
    assert found["saturated_units"].layer == "1"
