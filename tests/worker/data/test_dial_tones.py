"""Synthetic telephone numbers sound as the standard says, and are labelled with what is dialled."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from dltui.errors import DataError
from dltui.worker.data import describe, open_data


def test_every_key_sounds_with_the_tones_of_its_row_and_column(recipe):
    data = open_data(
        recipe("classify", type="dial_tones", count=200, noise=0.0), seed=0, device="cpu"
    )
    assert data.info.class_names == tuple("123A456B789C*0#D")
    part = data.parts["train"]
    raw = part.fetch(torch.arange(len(part)), None)
    rate, size = 4000, 1 << 14
    power = torch.fft.rfft(raw.inputs[:, 0], size).abs().square()
    hertz = torch.arange(power.shape[1]) * rate / size
    rows = torch.tensor([697.0, 770, 852, 941])
    columns = torch.tensor([1209.0, 1336, 1477, 1633])
    heard = []
    for tones in (rows, columns):
        near = torch.stack([power[:, (hertz - tone).abs() < 8].sum(1) for tone in tones], 1)
        heard.append(near.argmax(1))
    assert torch.equal(heard[0] * 4 + heard[1], raw.targets)


def test_numbers_come_from_the_seed_and_are_padded(recipe):
    def first(seed):
        made = recipe("ctc", type="dial_tones", count=30, keys=[2, 5], seed=seed)
        opened = open_data(made, seed=0, device="cpu")
        return opened.info, opened.parts["train"].fetch(torch.arange(24), None)

    (info, one), (_, again), (_, other) = first(0), first(0), first(1)
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.targets, other.targets)
    assert (info.vocab, one.targets.shape) == (16, (24, 5))
    lengths = (one.targets >= 0).sum(1)
    assert set(lengths.tolist()) == {2, 3, 4, 5}
    assert bool((one.targets[lengths == 2][:, 2:] == -100).all())
    with pytest.raises(DataError, match="no range of keys"):
        describe(recipe("ctc", type="dial_tones", keys=[0, 2]))


def test_an_example_is_looked_at_as_a_spectrogram(recipe):
    data = open_data(recipe("classify", type="dial_tones", count=20), seed=0, device="cpu")
    example = data.decode_example("train", 0)
    picture = Image.open(io.BytesIO(example.image))
    assert picture.height == 65
    assert picture.getextrema()[1] == 255
    assert example.values is None
