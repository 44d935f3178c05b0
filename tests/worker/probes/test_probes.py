"""Diagnostics say what the model did, and the training does not notice them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from dltui.recipe.schema.training import DiagnosticsSection
from dltui.runs.buckets import INFINITY_BUCKETS
from dltui.worker.probes import Probes, locate_nonfinite
from dltui.worker.probes.bucketing import bucket_counts


class Recorder(list):
    def __call__(self, group, step, arrays, meta):
        self.append((group, step, arrays, meta))

    def frames(self, group):
        return [(step, arrays, meta) for kind, step, arrays, meta in self if kind == group]


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(4 * 36, 8),
        nn.Tanh(),
        nn.Linear(8, 3),
    )


def train(model, steps=12, settings=None, sink=None, wrap=None, lr=0.1):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr, 0.9)
    settings = settings or DiagnosticsSection(enabled=False)
    probes = Probes(model, settings, Recorder() if sink is None else sink, "cpu")
    torch.manual_seed(1)
    for step in range(1, steps + 1):
        x, y = torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))
        probes.begin(step)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        probes.gradients_ready(step)
        optimizer.step()
        probes.updated(step)
    probes.close()
    return probes


@pytest.mark.parametrize("every", [None, 1, 3])
def test_training_with_diagnostics_ends_in_bitwise_the_same_weights(every):
    plain, probed = small_cnn(), small_cnn()
    train(plain)
    sink = Recorder()
    train(probed, settings=DiagnosticsSection(every_steps=every), sink=sink)
    assert {"layers", "activations", "histograms"} == {group for group, *_ in sink}
    for one, other in zip(plain.state_dict().values(), probed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_norms_and_ratios_agree_with_the_plain_formula():
    model, sink = small_cnn(), Recorder()
    layer, before, gradient = model[5], [], []

    def begin(optimizer, args, kwargs):
        before.append([p.detach().clone() for p in layer.parameters()])
        gradient.append([p.grad.clone() for p in layer.parameters()])

    handle = register_optimizer_step_pre_hook(begin)
    train(model, steps=1, settings=DiagnosticsSection(every_steps=1), sink=sink)
    handle.remove()
    [(step, arrays, meta)] = sink.frames("layers")
    assert step == 1
    assert meta["layers"] == ["0", "1", "5", "7"]

    def norm(tensors):
        return float(torch.cat([t.flatten().double() for t in tensors]).norm())

    change = [p.detach() - old for p, old in zip(layer.parameters(), before[0], strict=True)]
    assert arrays["grad_norm"][2] == pytest.approx(norm(gradient[0]), rel=1e-5)
    assert arrays["weight_norm"][2] == pytest.approx(norm(before[0]), rel=1e-5)
    assert arrays["update_ratio"][2] == pytest.approx(norm(change) / norm(before[0]), rel=1e-4)
    assert arrays["nonfinite"].tolist() == [0, 0, 0, 0]
    assert arrays["grad_norm"].dtype == np.float32


def test_the_total_gradient_norm_is_there_on_sampled_steps_only():
    model = small_cnn()
    probes = Probes(model, DiagnosticsSection(every_steps=4), Recorder(), "cpu")
    found = {}
    for step in range(1, 9):
        model.zero_grad()
        probes.begin(step)
        model(torch.randn(4, 1, 8, 8)).sum().backward()
        probes.gradients_ready(step)
        found[step] = probes.last_gradient_norm
        probes.updated(step)
    assert [step for step, norm in found.items() if norm is not None] == [1, 4, 8]
    expected = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
    assert float(found[8]) == pytest.approx(float(expected), rel=1e-5)


def test_histograms_count_every_value_in_the_bucket_of_its_top_bits():
    model, sink = small_cnn(), Recorder()
    weight = model[0].weight.detach().clone()
    train(model, steps=1, settings=DiagnosticsSection(every_steps=1), sink=sink)
    [(_, arrays, meta)] = sink.frames("histograms")
    assert meta["weights"] == ["0.weight", "5.weight", "7.weight"] == meta["gradients"]
    expected = np.bincount(weight.flatten().numpy().view(np.uint32) >> 21, minlength=2048)
    np.testing.assert_array_equal(arrays["weights"][0], expected)
    assert arrays["activations"].sum(axis=1).tolist() == [16 * 4 * 36, 16 * 8]
    assert arrays["weights"].dtype == np.uint32


def test_sixteen_bit_and_transposed_weights_are_counted_as_their_values():
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        model = nn.Sequential(nn.Linear(6, 5, bias=False)).to(dtype)
        model[0].weight = nn.Parameter(torch.randn(6, 5, dtype=dtype).t())
        sink = Recorder()
        probes = Probes(model, DiagnosticsSection(every_steps=1), sink, "cpu")
        probes.begin(1)
        model(torch.ones(2, 6, dtype=dtype)).sum().backward()
        probes.gradients_ready(1)
        probes.updated(1)
        values = model[0].weight.detach().float().numpy().ravel()
        expected = np.bincount(values.view(np.uint32) >> 21, minlength=2048)
        np.testing.assert_array_equal(sink.frames("histograms")[0][1]["weights"][0], expected)


def test_activations_name_the_layer_before_and_its_dead_units():
    model, sink = small_cnn(), Recorder()
    with torch.no_grad():
        model[1].bias[:] = torch.tensor([-100.0, 0, 0, 0])
        model[5].weight.mul_(1000)
    train(model, steps=1, settings=DiagnosticsSection(every_steps=1), sink=sink)
    [(_, arrays, meta)] = sink.frames("activations")
    assert meta == {"layers": ["2", "6"], "after": ["1", "5"]}
    assert arrays["dead_share"][0] == 0.25
    assert np.isnan(arrays["dead_share"][1])
    assert arrays["saturated_share"][1] > 0.9
    assert np.isnan(arrays["saturated_share"][0])
    assert arrays["mean"][0] > 0


def test_frozen_layers_and_layers_without_gradient_are_told_apart():
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen = nn.Linear(64, 8).requires_grad_(False)
            self.used = nn.Linear(8, 3)
            self.unused = nn.Linear(8, 3)

        def forward(self, x):
            return self.used(self.frozen(x.flatten(1)).relu())

    sink = Recorder()
    train(Forked(), steps=2, settings=DiagnosticsSection(every_steps=1), sink=sink)
    _, arrays, meta = sink.frames("layers")[0]
    assert meta["layers"] == ["frozen", "used", "unused"]
    assert meta["frozen"] == [True, False, False]
    assert meta["without_gradient"] == [False, False, True]
    assert np.isnan(arrays["grad_norm"]).tolist() == [True, False, True]
    assert np.isnan(arrays["update_ratio"]).tolist() == [True, False, True]
    assert sink.frames("activations")[0][2]["layers"] == ["frozen", "used"]


def test_tied_weights_count_once():
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.ReLU(), nn.Linear(64, 64, bias=False))
    model[2].weight = model[0].weight
    sink = Recorder()
    probes = Probes(model, DiagnosticsSection(every_steps=1), sink, "cpu")
    probes.begin(1)
    model(torch.ones(2, 64)).sum().backward()
    probes.gradients_ready(1)
    assert float(probes.last_gradient_norm) == pytest.approx(float(model[0].weight.grad.norm()))
    probes.updated(1)
    assert sink.frames("layers")[0][2]["layers"] == ["0"]


def test_sparse_embedding_gradients_are_measured():
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.ReLU(), nn.Linear(4, 2))
    sink = Recorder()
    probes = Probes(model, DiagnosticsSection(every_steps=1), sink, "cpu")
    probes.begin(1)
    model(torch.tensor([1, 1, 2])).sum().backward()
    probes.gradients_ready(1)
    probes.updated(1)
    dense = model[0].weight.grad.to_dense()
    assert sink.frames("layers")[0][1]["grad_norm"][0] == pytest.approx(float(dense.norm()))


def test_large_and_small_tensors_are_counted_each_in_its_own_row():
    torch.manual_seed(0)
    samples = [torch.randn(n) for n in (7, 5000, 0, 3, 4096, 9000, 1)]
    counts = bucket_counts(samples).numpy()
    for row, values in zip(counts, samples, strict=True):
        expected = np.bincount(values.numpy().view(np.uint32) >> 21, minlength=2048)
        np.testing.assert_array_equal(row, expected)


def test_nan_and_infinity_are_counted_per_layer():
    model, sink = small_cnn(), Recorder()
    with torch.no_grad():
        model[5].weight[0, 0] = torch.inf
    train(model, steps=1, settings=DiagnosticsSection(every_steps=1), sink=sink)
    assert sink.frames("layers")[0][1]["nonfinite"][2] >= 1
    assert sink.frames("histograms")[0][1]["weights"][1][list(INFINITY_BUCKETS)].sum() == 1


def test_a_large_tensor_is_sampled_and_its_update_still_right():
    model = nn.Sequential(nn.Linear(1500, 1501, bias=False))
    sink = Recorder()
    probes = Probes(model, DiagnosticsSection(every_steps=1), sink, "cpu")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    old = model[0].weight.detach().clone()
    probes.begin(1)
    model(torch.randn(64, 1500)).square().sum().backward()
    probes.gradients_ready(1)
    optimizer.step()
    probes.updated(1)
    true = float((model[0].weight.detach() - old).norm() / old.norm())
    assert sink.frames("layers")[0][1]["update_ratio"][0] == pytest.approx(true, rel=0.02)
    counted = sink.frames("histograms")[0][1]["weights"][0].sum()
    assert 25_000 < counted <= 32_768


def test_hooks_are_gone_after_the_sampled_step_and_after_close():
    model = small_cnn()
    probes = Probes(model, DiagnosticsSection(every_steps=10), Recorder(), "cpu")

    def hooks():
        return sum(len(module._forward_hooks) for module in model.modules())

    probes.begin(1)
    assert hooks() > 0
    model(torch.randn(4, 1, 8, 8)).sum().backward()
    probes.gradients_ready(1)
    assert hooks() == 0
    probes.updated(1)
    probes.begin(10)
    probes.close()
    assert hooks() == 0


def test_a_step_that_failed_half_way_can_be_tried_again():
    model, sink = small_cnn(), Recorder()
    probes = Probes(model, DiagnosticsSection(every_steps=1), sink, "cpu")
    probes.begin(1)
    model(torch.randn(4, 1, 8, 8))
    for _ in range(2):
        model.zero_grad()
        probes.begin(1)
        model(torch.randn(4, 1, 8, 8)).sum().backward()
        probes.gradients_ready(1)
    probes.updated(1)
    assert [step for step, *_ in sink.frames("layers")] == [1]
    probes.close()


def test_a_compiled_model_is_measured_without_its_activations_and_says_so():
    model, sink = small_cnn(), Recorder()
    compiled = torch.compile(model, backend="eager")
    probes = Probes(compiled, DiagnosticsSection(every_steps=1), sink, "cpu")
    probes.begin(1)
    compiled(torch.randn(4, 1, 8, 8)).sum().backward()
    probes.gradients_ready(1)
    probes.updated(1)
    assert sink.frames("layers")[0][2]["layers"] == ["0", "1", "5", "7"]
    assert not sink.frames("activations")
    assert "trainer.compile=false" in probes.notes[0]


def test_diagnostics_switched_off_measure_nothing():
    sink = Recorder()
    probes = train(small_cnn(), settings=DiagnosticsSection(enabled=False), sink=sink)
    assert not sink
    assert probes.share == 0.0


def _step(model, x):
    def run():
        model(x).square().sum().backward()

    return run


def test_the_first_layer_with_a_broken_output_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return torch.sqrt(x)

    model = nn.Sequential(nn.Linear(4, 4), Root(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    torch.manual_seed(0)
    x = torch.randn(8, 4)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert locate_nonfinite(model, _step(model, x)) == ("1", "output")
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert model[0].weight.grad is None


def test_a_broken_weight_a_broken_input_and_a_broken_gradient_are_named():
    x = torch.randn(8, 4)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    assert locate_nonfinite(model, _step(model, x)) is None
    assert locate_nonfinite(model, _step(model, x * torch.nan)) == ("input", "output")

    class RootOfZero(nn.Module):
        def forward(self, x):
            return torch.sqrt(x * 0)

    steep = nn.Sequential(nn.Linear(4, 4), RootOfZero(), nn.Linear(4, 2))
    assert locate_nonfinite(steep, _step(steep, x)) == ("0", "gradient")
    with torch.no_grad():
        model[2].bias[0] = torch.nan
    assert locate_nonfinite(model, _step(model, x)) == ("2", "weight")


def test_the_last_step_is_read_whatever_the_budget():
    sink = Recorder()
    model = small_cnn()
    probes = Probes(model, DiagnosticsSection(every_steps=1000), sink, "cpu")
    for step in range(1, 6):
        probes.begin(step, last=step == 5)
        model(torch.randn(4, 1, 8, 8)).sum().backward()
        probes.gradients_ready(step)
        probes.updated(step)
    probes.close()
    for group in ("layers", "histograms", "activations"):
        assert sink.frames(group)[-1][0] == 5


def test_what_is_switched_off_is_not_read_at_the_last_step_either():
    sink = Recorder()
    model = small_cnn()
    settings = DiagnosticsSection(histograms=False, activations=False)
    probes = Probes(model, settings, sink, "cpu")
    probes.begin(1, last=True)
    model(torch.randn(4, 1, 8, 8)).sum().backward()
    probes.gradients_ready(1)
    probes.updated(1)
    probes.close()
    assert {group for group, *_ in sink} == {"layers"}
