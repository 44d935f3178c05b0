"""Parts and folds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dltui.errors import DataError
from dltui.recipe.schema.data import KFold, Split
from dltui.worker.data import describe, open_data
from dltui.worker.data.split import fold_parts, part_sizes, random_parts

SHARES = st.sampled_from([(0.8, 0.2, 0.0), (0.7, 0.2, 0.1), (0.5, 0.1, 0.1), (1.0, 0.0, 0.0)])


@given(
    size=st.integers(12, 300),
    classes=st.integers(1, 6),
    shares=SHARES,
    seed=st.integers(0, 99),
    stratify=st.booleans(),
)
def test_parts_are_disjoint_and_of_the_size_asked_for(size, classes, shares, seed, stratify):
    labels = torch.arange(size) % classes
    split = Split(train=shares[0], val=shares[1], test=shares[2], seed=seed, stratify=stratify)
    parts = random_parts(size, split, labels)
    everything = torch.cat(list(parts.values()))
    assert len(everything.unique()) == len(everything) <= size
    if sum(shares) > 0.99:
        assert len(everything) == size
    assert len(labels[parts["train"]].unique()) == classes or not stratify
    if size >= 10 * classes:
        assert {name: len(part) for name, part in parts.items()} == part_sizes(size, split)


@given(size=st.integers(10, 200), folds=st.integers(2, 5), classes=st.integers(1, 4))
def test_folds_cover_everything_once_and_are_stratified(size, folds, classes):
    labels = torch.arange(size) % classes
    held = []
    for fold in range(folds):
        parts = fold_parts(size, KFold(folds=folds, fold=fold), 0, labels)
        assert len(torch.cat(list(parts.values())).unique()) == size
        counts = torch.bincount(labels[parts["val"]], minlength=classes)
        assert counts.max() - counts.min() <= 2
        held.append(parts["val"])
    assert torch.equal(torch.cat(held).sort().values, torch.arange(size))


def test_a_class_of_one_example_is_trained_on():
    labels = torch.tensor([0] * 20 + [1])
    for seed in range(20):
        parts = random_parts(21, Split(train=0.5, val=0.5, seed=seed), labels)
        assert 1 in labels[parts["train"]]


def test_the_split_has_a_seed_of_its_own(recipe):
    first = recipe(type="builtin", name="iris", split={"seed": 1})
    datas = [open_data(first, seed=seed, device="cpu") for seed in (0, 1)]
    assert torch.equal(datas[0].parts["val"].targets, datas[1].parts["val"].targets)
    other = open_data(recipe(type="builtin", name="iris", split={"seed": 2}), seed=0, device="cpu")
    assert not torch.equal(datas[0].parts["val"].inputs, other.parts["val"].inputs)


def test_a_split_of_more_than_everything_is_refused(recipe):
    with pytest.raises(DataError, match=r"add up to 1\.2"):
        describe(recipe(type="builtin", name="iris", split={"train": 1.0, "val": 0.2}))


def test_too_few_examples_are_refused(recipe, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2\n")
    with pytest.raises(DataError, match="1 examples are too few"):
        describe(recipe("regress", type="csv", path=str(path), target="y"))


def test_a_class_without_validation_examples_is_noted(recipe, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{n},{'rare' if n == 3 else n % 2}\n" for n in range(20)))
    data = open_data(recipe(type="csv", path=str(path), target="y"), seed=0, device="cpu")
    assert "the val part has no example of: rare" in data.info.notes


def test_folds_are_described_as_they_are_opened(recipe):
    for fold in (0, 4, "all"):
        wanted = recipe(type="builtin", name="wine", kfold={"folds": 5, "fold": fold})
        assert describe(wanted) == open_data(wanted, seed=0, device="cpu").info
    with pytest.raises(DataError, match="no fold 5"):
        describe(recipe(type="builtin", name="wine", kfold={"folds": 5, "fold": 5}))


def test_a_limit_holds_for_every_part(recipe):
    wanted = recipe(type="builtin", name="digits", limit=50)
    data = open_data(wanted, seed=0, device="cpu")
    assert (data.train.size, data.val.size) == (50, 50)
    assert describe(wanted).train_size == 50


def test_balanced_weights_make_every_class_count_alike(recipe):
    data = open_data(recipe(type="builtin", name="wine"), seed=0, device="cpu")
    counts = torch.bincount(data.parts["train"].targets)
    totals = counts * data.class_weights
    assert torch.allclose(totals, totals[0].expand(3))
    assert torch.allclose(totals.sum(), counts.sum().float())
