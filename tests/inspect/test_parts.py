"""Which tensors are the model, its average and the optimizer's state, and whose state it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dltui.inspect import open_checkpoint
from dltui.inspect.contents import Checkpoint, Module
from dltui.inspect.optimizer_state import matched, optimizer_slots
from dltui.inspect.parts import parts
from dltui.inspect.progress import progress
from tests.inspect.made import checkpoint, of_state, tensor, write_in_order


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 8), nn.Linear(8, 8)
    )


def trained(make: Callable[..., torch.optim.Optimizer], model: nn.Module) -> dict[str, Any]:
    optimizer = make(model.parameters())
    model(torch.ones(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def kinds(found: Any) -> list[tuple[str, str, int]]:
    return [(part.kind, part.prefix, len(part.tensors)) for part in parts(found)]


def test_a_plain_state_dict_is_the_model() -> None:
    assert kinds(of_state(network().state_dict())) == [("model", "", 11)]


def test_a_training_checkpoint_has_model_and_optimizer() -> None:
    model = network()
    state = trained(torch.optim.AdamW, model)
    found = of_state({"model": model.state_dict(), "optimizer": state, "epoch": 3})
    assert kinds(found) == [("model", "model", 11), ("optimizer", "optimizer", 24)]
    assert [part.title for part in parts(found)] == ["model", "AdamW"]


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (torch.optim.Adam, "Adam"),
        (torch.optim.AdamW, "AdamW"),
        (torch.optim.NAdam, "NAdam"),
        (torch.optim.Adamax, "Adamax"),
        (torch.optim.RMSprop, "RMSprop"),
        (torch.optim.Adagrad, "Adagrad"),
        (torch.optim.Adadelta, "Adadelta"),
        (torch.optim.Rprop, "Rprop"),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), "SGD with momentum"),
    ],
)
def test_an_optimizer_is_named_by_what_it_keeps(make: Any, title: str) -> None:
    model = network()
    found = of_state({"model": model.state_dict(), "optimizer": trained(make, model)})
    assert parts(found)[-1].title == title


def test_every_slot_is_beside_its_parameter() -> None:
    model = network()
    found = of_state({"model": model.state_dict(), "optimizer": trained(torch.optim.Adam, model)})
    slots = optimizer_slots(found)
    averages = [slot for slot in slots if slot.slot == "exp_avg"]
    assert [slot.parameter for slot in averages] == [
        f"model.{name}" for name, _ in model.named_parameters()
    ]
    assert [slot.parameter for slot in slots if slot.slot == "step"] == [
        slot.parameter for slot in averages
    ]


def test_weights_that_decay_in_a_group_of_their_own_are_still_told_apart() -> None:
    model = network()
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2]},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    state = trained(lambda _: torch.optim.AdamW(groups), model)
    found = of_state({"model": model.state_dict(), "optimizer": state})
    weights = [n for n, p in model.named_parameters() if p.dim() >= 2]
    others = [n for n, p in model.named_parameters() if p.dim() < 2]
    assert [s.parameter for s in optimizer_slots(found) if s.slot == "exp_avg"] == [
        f"model.{name}" for name in weights + others
    ]


def test_a_trained_head_over_a_frozen_body_is_found_by_its_shapes() -> None:
    shapes = [("body.weight", (16, 9)), ("body.bias", (16,)), ("head.weight", (3, 16))]
    assert matched([[(3, 16)]], shapes) == [["head.weight"]]
    assert matched([[(16,), (3, 16)]], shapes) == [["body.bias", "head.weight"]]
    assert matched([[(16, 9), (3, 16)]], shapes) == [["body.weight", "head.weight"]]


def test_a_frozen_body_under_groups_of_its_own_rates() -> None:
    body = [
        ("stem.weight", (8, 3)),
        ("stem.bias", (8,)),
        ("body.weight", (8, 8)),
        ("body.bias", (8,)),
    ]
    head = [
        ("neck.weight", (6, 8)),
        ("neck.bias", (6,)),
        ("head.weight", (2, 6)),
        ("head.bias", (2,)),
    ]
    asked = [[(6, 8), (6,)], [(2, 6), (2,)]]
    names = [["neck.weight", "neck.bias"], ["head.weight", "head.bias"]]
    assert matched(asked, [*body, *head]) == names


def test_groups_of_any_rule_are_told_apart_where_the_shapes_leave_one_way() -> None:
    # dltui's GPT: neither norms nor positions decay
    model = [("tokens", (50, 8)), ("positions", (16, 8)), ("norm", (8,)), ("qkv", (24, 8))]
    asked = [[(16, 8), (8,)], [(50, 8), (24, 8)]]
    assert matched(asked, model) == [["positions", "norm"], ["tokens", "qkv"]]
    twins = [("a", (4,)), ("b", (2, 4)), ("c", (2, 4)), ("d", (4,))]
    assert matched([[(4,), (2, 4)], [(2, 4), (4,)]], twins) == [["a", "b"], ["c", "d"]]
    alike = [("a", (4, 4)), ("b", (3,)), ("c", (4, 4)), ("d", (5,))]
    assert matched([[(4, 4), (5,)], [(3,), (4, 4)]], alike) is not None
    assert matched([[(2, 4), (4,)], [(2, 4), (4, 4)]], [*twins[1:], ("e", (4, 4))]) is None


def test_where_two_answers_fit_none_is_given() -> None:
    same = [("a.weight", (4, 4)), ("b.weight", (4, 4)), ("c.weight", (4, 4))]
    assert matched([[(4, 4), (4, 4)]], same) is None
    found = checkpoint(
        *(tensor(f"model.{name}", *shape) for name, shape in same),
        tensor("optimizer.state.0.momentum_buffer", 4, 4),
        tensor("optimizer.state.1.momentum_buffer", 4, 4),
        metadata={"optimizer": {"param_groups": [{"params": [0, 1]}]}},
    )
    assert [slot.parameter for slot in optimizer_slots(found)] == [None, None]


def test_lightning_keeps_its_state_in_lists() -> None:
    model = network()
    found = of_state(
        {
            "epoch": 4,
            "global_step": 1200,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": {f"model.{k}": v for k, v in model.state_dict().items()},
            "optimizer_states": [trained(torch.optim.AdamW, model)],
            "lr_schedulers": [{"last_epoch": 4}],
            "callbacks": {
                "ModelCheckpoint{'monitor': 'val_loss'}": {
                    "monitor": "val_loss",
                    "best_model_score": 0.25,
                }
            },
        }
    )
    assert kinds(found) == [
        ("model", "state_dict.model", 11),
        ("optimizer", "optimizer_states.0", 24),
    ]
    names = {slot.parameter for slot in optimizer_slots(found)}
    assert names == {f"state_dict.model.{name}" for name, _ in model.named_parameters()}
    assert progress(found) == {
        "epoch": 4,
        "global_step": 1200,
        "pytorch-lightning_version": "2.4.0",
        "monitor": "val_loss",
        "best_model_score": 0.25,
        "lr": 0.001,
    }


def test_an_average_is_a_part_of_its_own() -> None:
    weights = network().state_dict()
    found = of_state({"state_dict": weights, "state_dict_ema": weights, "arch": "small"})
    assert kinds(found) == [("model", "state_dict", 11), ("ema", "state_dict_ema", 11)]
    assert progress(found) == {"arch": "small"}


def test_what_wrappers_put_before_every_name_belongs_to_the_prefix() -> None:
    weights = {f"module._orig_mod.{k}": v for k, v in network().state_dict().items()}
    (part,) = parts(of_state(weights))
    assert part.prefix == "module._orig_mod"
    assert part.local_name(part.tensors[0]) == "0.weight"


def test_a_transformers_own_model_is_no_wrapper_where_the_head_stands_beside_it() -> None:
    found = checkpoint(tensor("model.layers.0.w", 4, 4), tensor("lm_head.weight", 9, 4))
    assert kinds(found) == [("model", "", 2)]


def test_the_state_of_named_parameters_is_matched_by_name() -> None:
    found = checkpoint(
        tensor("app.model.fc.weight", 3, 4),
        tensor("app.model.fc.bias", 3),
        tensor("app.optim.state.fc.bias.exp_avg", 3),
        tensor("app.optim.state.fc.weight.exp_avg", 3, 4),
    )
    assert [(slot.parameter, slot.slot) for slot in optimizer_slots(found)] == [
        ("app.model.fc.bias", "exp_avg"),
        ("app.model.fc.weight", "exp_avg"),
    ]


def test_an_optimizer_alone_is_no_model() -> None:
    state = trained(torch.optim.Adam, network())
    assert kinds(of_state(state)) == [("optimizer", "", 24)]


def test_dltuis_own_training_file_is_optimizers_and_the_rest() -> None:
    model = network()
    found = of_state(
        {
            "format": 1,
            "step": 40,
            "steps_per_epoch": 10,
            "optimizers": {"model": trained(torch.optim.AdamW, model)},
            "random": {"torch": torch.get_rng_state()},
        }
    )
    assert kinds(found) == [("optimizer", "optimizers.model", 24), ("other", "", 1)]
    assert progress(found) == {"step": 40, "steps_per_epoch": 10, "lr": 0.001}


def test_scores_and_steps_that_are_tensors_are_read(tmp_path: Path) -> None:
    tensors = {
        "model.w": torch.zeros(3),
        "best_acc1": torch.tensor(71.2),
        "epoch": torch.tensor(7),
        "optimizer.state.0.step": torch.tensor(1200.0),
        "optimizer.state.0.exp_avg": torch.zeros(3),
        "optimizer.state.0.exp_avg_sq": torch.zeros(3),
    }
    found = open_checkpoint(write_in_order(tmp_path / "m.safetensors", tensors))
    assert progress(found) == {"epoch": 7, "best_acc1": 71.2}
    assert [part.title for part in parts(found)][1] == "Adam, step 1,200"


def keras(*names: tuple[str, tuple[int, ...]], layers: tuple[str, ...]) -> Checkpoint:
    settings = {"compile_config": {"optimizer": {"class_name": "Adam"}}}
    return checkpoint(
        *(tensor(name, *shape) for name, shape in names),
        metadata={"config": settings},
        modules={layer: Module("Dense") for layer in layers},
        format="Keras",
    )


def test_keras_counts_its_variables_in_the_order_of_the_layers() -> None:
    found = keras(
        ("layers.a.vars.0", (4, 4)),
        ("layers.b.vars.0", (4, 4)),
        ("optimizer.vars.0", ()),
        ("optimizer.vars.1", ()),
        *((f"optimizer.vars.{number}", (4, 4)) for number in (2, 3, 4, 5)),
        layers=("layers.b", "layers.a"),
    )
    assert [part.title for part in parts(found)] == ["model", "Adam"]
    assert [(slot.parameter, slot.slot) for slot in optimizer_slots(found)] == [
        (None, "iteration"),
        (None, "learning_rate"),
        ("layers.b.vars.0", "momentum"),
        ("layers.b.vars.0", "velocity"),
        ("layers.a.vars.0", "momentum"),
        ("layers.a.vars.0", "velocity"),
    ]


def test_keras_variables_that_do_not_fit_are_not_guessed() -> None:
    found = keras(
        ("layers.a.vars.0", (4, 4)),
        ("optimizer.vars.0", ()),
        ("optimizer.vars.1", ()),
        ("optimizer.vars.2", (4, 3)),
        layers=("layers.a",),
    )
    assert optimizer_slots(found)[2].parameter is None


def test_older_keras_files_name_parameter_and_slot() -> None:
    found = keras(
        ("model_weights.inner.inner.one.kernel", (4, 4)),
        ("optimizer_weights.adam.iteration", ()),
        ("optimizer_weights.adam.inner_one_kernel_velocity", (4, 4)),
        layers=("model_weights.inner",),
    )
    assert [(slot.parameter, slot.slot) for slot in optimizer_slots(found)] == [
        (None, "iteration"),
        ("model_weights.inner.inner.one.kernel", "velocity"),
    ]


def test_several_rates_are_all_listed() -> None:
    groups = [{"lr": 0.1, "params": [0]}, {"lr": 0.01, "params": [1]}]
    found = checkpoint(
        tensor("model.w", 2),
        tensor("optimizer.state.0.momentum_buffer", 2),
        metadata={"optimizer": {"param_groups": groups}, "epoch": 2},
    )
    assert progress(found) == {"epoch": 2, "lr": [0.1, 0.01]}


@pytest.mark.parametrize("hostile", [{"param_groups": 3}, {"param_groups": [{"params": 4}]}, []])
def test_metadata_of_any_form_is_lived_with(hostile: Any) -> None:
    found = checkpoint(
        tensor("model.w", 2),
        tensor("optimizer.state.0.momentum_buffer", 2),
        metadata={"optimizer": hostile, "callbacks": 4, "epoch": [1]},
    )
    assert [slot.parameter for slot in optimizer_slots(found)] == ["model.w"]
    assert progress(found) == {}
