"""A data source and a layer of one's own: sets, whose members have no order."""

import torch
from sklearn.datasets import load_digits

import dltui


@dltui.data_source("digit-sums")
def digit_sums(sets=4000, members=5, seed=0):
    """Sets of handwritten digits of scikit-learn, `(N, members, 64)` from 0 to 1; the number to
    predict is their sum, `(N, 1)`. Training and validation sets share no picture."""
    chance = torch.Generator().manual_seed(seed)
    pixels, labels = load_digits(return_X_y=True)
    pixels = torch.from_numpy(pixels).float() / 16
    labels = torch.from_numpy(labels).float()
    order = torch.randperm(len(labels), generator=chance)
    held = len(labels) // 5
    parts = {"train": (order[held:], sets), "val": (order[:held], sets // 4)}
    given = {}
    for part, (known, count) in parts.items():
        chosen = known[torch.randint(len(known), (count, members), generator=chance)]
        given[part] = pixels[chosen], labels[chosen].sum(1, keepdim=True)
    return given


@dltui.layer("set_pool")
def set_pool(members, how="sum"):
    """One vector a set, `(N, S, D)` to `(N, D)`, whatever the order of its members."""
    if how == "max":
        return members.amax(dim=1)
    return members.mean(dim=1) if how == "mean" else members.sum(dim=1)
