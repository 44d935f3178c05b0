"""The order of batches: decided by (seed, epoch, start) alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.worker.data import open_data

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

AUGMENT = ["hflip", {"crop": 2}, {"rotate": 10}, "affine", "color_jitter", {"cutout": 3}, "noise"]


def same(left, right):
    return (
        torch.equal(left.inputs, right.inputs)
        and torch.equal(left.targets, right.targets)
        and torch.equal(left.indices, right.indices)
    )


@pytest.mark.parametrize("augment", [[], [*AUGMENT, "mixup", "cutmix"]])
@settings(max_examples=10, deadline=None)
@given(epoch=st.integers(0, 1000), start=st.integers(0, 23))
def test_resuming_inside_an_epoch_gives_the_same_batches(augment, epoch, start):
    data = digits(augment)
    whole = list(data.train.epoch(epoch))
    torch.manual_seed(epoch)
    rest = list(digits(augment).train.epoch(epoch, start))
    assert len(whole) == len(data.train) == 23
    assert len(rest) == 23 - start
    assert all(same(a, b) for a, b in zip(whole[start:], rest, strict=True))


_OPENED: dict[str, object] = {}


def digits(augment, **more):
    from pydantic import TypeAdapter

    from dltui.recipe.schema.data import BuiltinData
    from dltui.recipe.tasks.classify import Classify

    key = repr((augment, more))
    if key not in _OPENED:
        section = TypeAdapter(BuiltinData).validate_python(
            {"type": "builtin", "name": "digits", "augment": augment, **more}
        )

        class Wanted:
            data = section
            task = Classify(type="classify")

        _OPENED[key] = open_data(Wanted(), seed=3, device="cpu")
    return _OPENED[key]


def test_every_example_comes_once_an_epoch_in_another_order_each():
    data = digits([])
    orders = [torch.cat([b.indices for b in data.train.epoch(epoch)]) for epoch in (0, 1)]
    for order in orders:
        assert torch.equal(order.sort().values, torch.arange(data.train.size))
    assert not torch.equal(orders[0], orders[1])


def test_validation_comes_in_order_and_unaugmented():
    plain, augmented = digits([]), digits(AUGMENT)
    left, right = list(plain.val.epoch(0)), list(augmented.val.epoch(9))
    assert all(same(a, b) for a, b in zip(left, right, strict=True))
    assert torch.equal(torch.cat([b.indices for b in left]), torch.arange(plain.val.size))


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_processes_change_nothing(workers):
    augment = [*AUGMENT, "mixup"]
    resident = digits(augment)
    loaded = digits(augment, on_device=False, workers=workers)
    for epoch, start in ((0, 0), (1, 20)):
        pairs = zip(
            resident.train.epoch(epoch, start), loaded.train.epoch(epoch, start), strict=True
        )
        assert all(same(a, b) for a, b in pairs)
    loaded.close()


def test_an_epoch_left_halfway_does_not_disturb_the_next():
    data = digits([{"noise": 0.1}], on_device=False, workers=2)
    for _, batches in zip(range(3), data.train.epoch(0), strict=False):
        assert len(batches.inputs) == 64
    expected = digits([{"noise": 0.1}]).train.epoch(1)
    assert all(same(a, b) for a, b in zip(data.train.epoch(1), expected, strict=True))
    data.close()


def test_the_global_generator_is_left_alone():
    data = digits([*AUGMENT, "rand_augment", "trivial_augment"], batch_size=4, limit=8)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    batches = list(data.train.epoch(0))
    list(digits(AUGMENT, on_device=False).train.epoch(0))
    assert torch.equal(torch.get_rng_state(), before)
    again = list(data.train.epoch(0))
    assert all(same(a, b) for a, b in zip(batches, again, strict=True))


def test_the_seed_decides_the_order(recipe):
    wanted = recipe(type="builtin", name="iris")
    orders = [
        next(open_data(wanted, seed=seed, device="cpu").train.epoch(0)).indices
        for seed in (0, 0, 1)
    ]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_a_lone_last_example_is_left_out_of_training_but_not_of_validation(recipe):
    data = open_data(
        recipe(type="builtin", name="iris", batch_size=7, eval_batch_size=29), seed=0, device="cpu"
    )
    assert [len(b.indices) for b in data.train.epoch(0)] == [7] * 17
    assert [len(b.indices) for b in data.val.epoch(0)] == [29, 1]
    assert len(data.train) == 17
    assert len(data.val) == 2
