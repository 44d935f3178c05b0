"""The sets that need no download."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from dltui.errors import DataError
from dltui.worker.data import describe, load_tokenizer, open_data


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("classify", "digits"),
        ("classify", "iris"),
        ("classify", "wine"),
        ("classify", "breast-cancer"),
        ("regress", "diabetes"),
        ("next_token", "pydoc"),
    ],
)
def test_the_description_equals_what_is_read(recipe, task, name):
    wanted = recipe(task, type="builtin", name=name)
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    batch = next(data.train.epoch(0))
    assert tuple(batch.inputs.shape) == (64, *data.info.shape)
    assert data.info.train_size == data.train.size


def test_feature_names_are_those_of_scikit_learn(recipe):
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

    for task, name, load in [
        ("classify", "iris", load_iris),
        ("classify", "wine", load_wine),
        ("classify", "breast-cancer", load_breast_cancer),
        ("regress", "diabetes", load_diabetes),
    ]:
        bunch = load()
        info = describe(recipe(task, type="builtin", name=name))
        assert info.feature_names == tuple(bunch.feature_names)
        assert info.class_names == tuple(getattr(bunch, "target_names", ()))
        assert (info.train_size or 0) + (info.val_size or 0) == len(bunch.target)


def test_training_tables_have_mean_0_and_std_1(recipe):
    data = open_data(recipe(type="builtin", name="wine", batch_size=500), seed=0, device="cpu")
    (batch,) = data.train.epoch(0)
    assert torch.allclose(batch.inputs.mean(0), torch.zeros(13), atol=1e-5)
    assert torch.allclose(batch.inputs.std(0, unbiased=False), torch.ones(13), atol=1e-4)


def test_digits_can_be_images_or_rows_of_the_same_numbers(recipe):
    image = open_data(recipe(type="builtin", name="digits"), seed=1, device="cpu")
    flat = open_data(recipe(type="builtin", name="digits", flat=True), seed=1, device="cpu")
    first, second = next(image.train.epoch(2)), next(flat.train.epoch(2))
    assert torch.equal(first.inputs.flatten(1), second.inputs)
    assert flat.info.shape == (64,)


def test_a_digit_is_shown_as_a_picture(recipe):
    data = open_data(recipe(type="builtin", name="digits"), seed=0, device="cpu")
    example = data.decode_example("val", 5)
    assert example.image is not None
    assert Image.open(io.BytesIO(example.image)).size == (8, 8)
    batch = next(b for b in data.val.epoch(0))
    assert example.target == int(batch.targets[5])


def test_the_parts_share_no_example_and_keep_the_class_proportions(recipe):
    data = open_data(
        recipe(type="builtin", name="digits", split={"train": 0.7, "val": 0.2, "test": 0.1}),
        seed=0,
        device="cpu",
    )
    rows = [
        {bytes(image.numpy().tobytes()) for image in part.inputs} for part in data.parts.values()
    ]
    assert sum(map(len, rows)) == len(set().union(*rows)) == 1797
    shares = [
        torch.bincount(part.targets, minlength=10) / len(part) for part in data.parts.values()
    ]
    assert (shares[0] - shares[1]).abs().max() < 0.01
    assert (shares[0] - shares[2]).abs().max() < 0.01


def test_a_task_that_does_not_fit_is_refused_with_the_one_that_does(recipe):
    wanted = recipe("regress", type="builtin", name="wine")
    with pytest.raises(DataError) as caught:
        describe(wanted)
    assert "classify" in str(caught.value)


def test_the_next_token_follows_and_the_tokeniser_is_kept(recipe, tmp_path):
    data = open_data(
        recipe("next_token", type="builtin", name="pydoc", context=32), seed=0, device="cpu"
    )
    batch = next(data.train.epoch(0))
    assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    data.save(tmp_path)
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert data.tokenizer is not None
    assert again.decode(batch.inputs[0]) == data.tokenizer.decode(batch.inputs[0])
    assert data.decode_example("val", 0).text
