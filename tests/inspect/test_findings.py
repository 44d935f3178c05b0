"""What is wrong with a checkpoint is found and told with its evidence; what is sound is not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from dltui.inspect import open_checkpoint
from dltui.inspect.findings import Finding, structural_findings, value_findings
from dltui.inspect.statistics import statistics
from dltui.inspect.values import Values
from tests.inspect.made import checkpoint, of_state, tensor, write_in_order


def found_in(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> tuple[Finding, ...]:
    opened = open_checkpoint(write_in_order(tmp_path / "m.safetensors", tensors))
    with Values(opened) as values:
        seen = {each.name: statistics(values, each) for each in opened.tensors}
    return structural_findings(opened) + value_findings(opened, seen)


def rules(found: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(each.rule, each.severity, each.tensor) for each in found]


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)),
    )


def training_state(model: nn.Module, steps: int = 20) -> dict[str, torch.Tensor]:
    """Weights and Adam's state after some steps, by the names of a training checkpoint."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        images = torch.randn(16, 1, 8, 8)
        nn.functional.cross_entropy(model(images), torch.randint(0, 4, (16,))).backward()
        optimizer.step()
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    for number, slots in optimizer.state_dict()["state"].items():
        state |= {f"optimizer.state.{number}.{slot}": value for slot, value in slots.items()}
    return state


@pytest.mark.parametrize(
    "make",
    [
        torchvision.models.resnet18,
        torchvision.models.mobilenet_v3_small,
        torchvision.models.shufflenet_v2_x0_5,
        torchvision.models.efficientnet_b0,
        lambda: torchvision.models.densenet121(memory_efficient=False),
        lambda: nn.LSTM(16, 32, 2),
        lambda: nn.Transformer(32, 4, 1, 1, 64, batch_first=True),
        convolutional,
    ],
)
def test_fresh_networks_are_sound(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    assert found_in(tmp_path, make().state_dict()) == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_fresh_networks_in_half_precision_are_sound(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weights = torchvision.models.resnet18().to(dtype).state_dict()
    assert found_in(tmp_path, weights) == ()


def test_a_trained_network_with_its_optimizer_is_sound(tmp_path: Path) -> None:
    assert found_in(tmp_path, training_state(convolutional())) == ()


def test_nan_and_infinity_are_counted_and_the_first_is_found(tmp_path: Path) -> None:
    weights = torch.randn(40, 30)
    weights[7, 3] = float("nan")
    weights[9, 1:4] = float("inf")
    (found,) = found_in(tmp_path, {"fc.weight": weights, "fc.bias": torch.randn(40)})
    assert (found.rule, found.severity, found.tensor) == ("nonfinite", "error", "fc.weight")
    assert found.message == "1 NaN and 3 infinite values of 1,200, first at [7, 3]"
    assert found.evidence == {"nan": 1.0, "infinite": 3.0}


def test_the_infinities_of_a_mask_are_meant(tmp_path: Path) -> None:
    mask = torch.full((8, 8), -float("inf")).triu(1)
    assert found_in(tmp_path, {"attn.mask": mask, "w": torch.randn(9, 9)}) == ()


def test_layers_of_one_number(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a.weight": torch.zeros(6, 5),
            "b.weight": torch.full((6, 5), 0.1),
            "c.bias": torch.zeros(9),
        },
    )
    assert rules(found) == [("constant", "warning", "b.weight"), ("all_zero", "note", "a.weight")]


def test_dead_channels_of_kernels_and_of_norms(tmp_path: Path) -> None:
    torch.manual_seed(0)
    kernel = torch.randn(16, 8, 3, 3)
    kernel[[2, 5, 6]] = 0
    kernel[:, 1] = 0
    norm = torch.ones(512)
    norm[100:105] = 0
    found = found_in(tmp_path, {"conv.weight": kernel, "bn3.weight": norm})
    assert {(each.tensor, each.message) for each in found} == {
        ("bn3.weight", "5 of 512 channels are exactly 0 (dead)"),
        ("conv.weight", "3 of 16 output channels are exactly 0 (dead)"),
        ("conv.weight", "1 of 8 input channels are exactly 0"),
    }


def test_the_padding_row_of_an_embedding_is_meant(tmp_path: Path) -> None:
    torch.manual_seed(0)
    for name in ("embedding", "tokens"):
        table = {f"{name}.weight": nn.Embedding(50, 8, padding_idx=0).weight}
        assert found_in(tmp_path, table) == ()


def test_variances_of_batch_norm(tmp_path: Path) -> None:
    negative, dead = torch.ones(8), torch.ones(8)
    negative[3] = -0.5
    dead[:2] = 1e-14
    found = found_in(
        tmp_path, {"a.running_var": negative, "b.running_var": dead, "w": torch.randn(9, 9)}
    )
    assert rules(found) == [
        ("batch_norm_variance", "error", "a.running_var"),
        ("batch_norm_variance", "warning", "b.running_var"),
    ]
    assert "2 channels of 8" in found[1].message


def test_weights_and_activations_that_explode(tmp_path: Path) -> None:
    torch.manual_seed(0)
    found = found_in(
        tmp_path,
        {
            "a.weight": torch.randn(30, 30) * 1e3,
            "b.running_var": torch.rand(8) * 1e10,
            "c.weight": torch.randn(30, 30),
        },
    )
    assert rules(found) == [
        ("exploding_scale", "warning", "a.weight"),
        ("exploding_scale", "warning", "b.running_var"),
    ]


def test_numbers_at_the_ends_of_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    cut = torch.randn(40, 40).half()
    cut[3, :2] = 65504
    lost = (torch.randn(40, 40) * 1e-5).half()
    found = found_in(tmp_path, {"cut.weight": cut, "lost.weight": lost})
    assert ("saturated", "warning", "cut.weight") in rules(found)
    assert ("subnormal", "note", "lost.weight") in rules(found)
    assert not any(each.tensor == "cut.weight" and each.rule == "subnormal" for each in found)


def test_matrices_in_several_types(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = {f"{i}.weight": torch.randn(5, 5).bfloat16() for i in range(4)}
    norm = {"norm.weight": torch.rand(5)}
    assert found_in(tmp_path, weights | norm) == ()
    (found,) = found_in(tmp_path, weights | norm | {"head.weight": torch.randn(7, 5)})
    assert (found.rule, found.tensor) == ("precision_mix", "head.weight")
    assert "4 in bfloat16, 1 in float32" in found.message


def test_a_parameter_without_gradient(tmp_path: Path) -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.other = convolutional(), nn.Linear(4, 4)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.used(images) + 0 * self.other(torch.zeros(1, 4))

    found = found_in(tmp_path, training_state(Forked()))
    assert rules(found) == [
        ("never_updated", "warning", "model.other.weight"),
        ("never_updated", "warning", "model.other.bias"),
    ]


def test_parameters_that_took_fewer_steps(tmp_path: Path) -> None:
    state = training_state(convolutional())
    state["optimizer.state.3.step"] = torch.tensor(4.0)
    (found,) = found_in(tmp_path, state)
    assert (found.rule, found.tensor) == ("step_counts", "model.1.bias")
    assert "took 4 steps, the others 20" in found.message


def test_most_second_moments_at_zero(tmp_path: Path) -> None:
    state = training_state(convolutional())
    state["optimizer.state.4.exp_avg_sq"][:12] = 0
    (found,) = found_in(tmp_path, state)
    assert (found.rule, found.tensor) == ("zero_second_moments", "model.3.weight")
    assert found.evidence == {"share": 0.75}


def test_frozen_parameters_have_no_optimizer_state(tmp_path: Path) -> None:
    model = convolutional()
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    model(torch.randn(4, 1, 8, 8)).sum().backward()
    optimizer.step()
    opened = of_state({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    (found,) = structural_findings(opened)
    assert (found.rule, found.severity, found.tensor) == (
        "no_optimizer_state",
        "note",
        "model.0.weight",
    )
    assert found.message.startswith("2 parameters of 10 without")


def test_a_moving_average_that_does_not_move(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = {f"model.{n}": torch.randn(9, 9) for n in "abc"}
    same = {f"ema.{name[6:]}": value for name, value in model.items()}
    (found,) = found_in(tmp_path, model | same)
    assert found.rule == "average_equals_model"
    wrapped = {f"ema.module.{name[6:]}": value for name, value in model.items()}
    (found,) = found_in(tmp_path, model | wrapped | {"ema.n_averaged": torch.tensor(9)})
    assert found.rule == "average_equals_model"
    moved = {name: value * 0.9 for name, value in same.items()} | {"ema.b": model["model.b"]}
    (found,) = found_in(tmp_path, model | moved)
    assert (found.rule, found.severity, found.tensor) == ("never_updated", "note", "model.b")


def test_ties_and_copies(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shared = checkpoint(
        tensor("wte.weight", 50, 8, storage="s"), tensor("lm_head.weight", 50, 8, storage="s")
    )
    (found,) = structural_findings(shared)
    assert (found.rule, found.severity, found.tensor) == ("tied", "note", "wte.weight")
    table = torch.randn(50, 8)
    (copied,) = found_in(tmp_path, {"a.weight": table, "b.weight": table, "c.weight": table + 1})
    assert (copied.rule, copied.tensor) == ("duplicates", "a.weight")
    assert "b.weight" in copied.message
    assert "c.weight" not in copied.message


def test_a_loss_that_was_no_number() -> None:
    opened = checkpoint(tensor("w", 3, 3), metadata={"epoch": 3, "loss": float("nan")})
    assert rules(structural_findings(opened))[0] == ("metadata_not_finite", "warning", "")


def test_errors_stand_first(tmp_path: Path) -> None:
    broken = torch.full((9, 9), float("nan"))
    found = found_in(tmp_path, {"a.weight": torch.zeros(6, 5), "b.weight": broken})
    assert [each.severity for each in found] == ["error", "note"]


def test_what_names_show_needs_no_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from dltui.inspect.contents import Checkpoint, Tensor\n"
        "from dltui.inspect.findings import structural_findings\n"
        "t = Tensor('w', (3, 3), 'float32', 36, None)\n"
        "f = structural_findings(Checkpoint(Path('x'), 'f', (), 36, (t,)))\n"
        "print([each.rule for each in f])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['no_values']"
