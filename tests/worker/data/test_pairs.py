"""Pairs of sequences: from files, whole and broken, and made by rule."""

from __future__ import annotations

import json

import pytest
import torch

from dltui.errors import DataError
from dltui.worker.data import describe, open_data

PAIRS = [(f"number {n}", f"{n} rebmun") for n in range(20)]


def _csv(separator):
    rows = [("source", "target"), *PAIRS]
    return "".join(separator.join(row) + "\n" for row in rows)


FILES = {
    "pairs.csv": _csv(","),
    "pairs.tsv": _csv("\t"),
    "pairs.jsonl": "".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in PAIRS),
}


@pytest.fixture
def pairs(recipe, tmp_path):
    def make(text, name="pairs.csv", **keys):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return recipe("seq2seq", type="pairs_file", path=str(path), **{"context": 12, **keys})

    return make


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_pairs_becomes_sources_and_shifted_targets(pairs, name):
    wanted = pairs(FILES[name], name, target_context=11, batch_size=100)
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert (data.info.train_size, data.info.val_size) == (16, 4)
    (batch,) = data.train.epoch(0)
    special, decode = data.tokenizer.special, data.tokenizer.decode
    seen = set()
    for source, written, target in zip(*batch.inputs.values(), batch.targets, strict=True):
        assert source.shape == (12,)
        assert written.shape == target.shape == (11,)
        length = int((target != -100).sum())
        assert written[0] == special["begin"]
        assert target[length - 1] == special["end"]
        assert torch.equal(written[1:length], target[: length - 1])
        assert (written[length:] == special["padding"]).all()
        seen.add((decode(source), decode(target[:length])))
    assert seen <= set(PAIRS)
    assert len(seen) == 16
    assert data.decode_example("val", 0).text in dict(PAIRS)


def test_empty_and_long_pairs_are_named_counted_and_skipped(pairs):
    text = _csv(",") + "only a source,\n,only a target\nfar too long for it,x\nshort," + "y" * 12
    info = describe(pairs(text))
    assert info.train_size + info.val_size == 20
    assert info.notes == (
        "2 pairs with an empty text skipped: lines 22, 23",
        "2 pairs skipped, more than 12 tokens in the source or 11 in the target: lines 24, 25",
    )


def test_lines_that_are_no_pairs_are_named_counted_and_skipped(pairs):
    text = FILES["pairs.jsonl"] + '{"source": "a"}\nnonsense\n[1]\n\n{"source": 1, "target": "x"}\n'
    info = describe(pairs(text, "pairs.jsonl"))
    assert "4 lines without the texts 'source' and 'target' skipped: lines 21, 22, 23, 25" in (
        info.notes
    )


@pytest.mark.parametrize(
    ("text", "name", "keys", "message"),
    [
        (_csv(","), "pairs.csv", {"source": "sorce"}, "no column 'sorce'"),
        (_csv(","), "pairs.csv", {"context": 3}, "all 20 pairs are longer than 3 and 2 tokens"),
        ("source,target\na,\n", "pairs.csv", {}, "no pair has both texts"),
        ('{"a": "b"}\n', "pairs.jsonl", {}, "no line is a JSON object with the texts 'source'"),
        ("\0", "pairs.csv", {}, "zero bytes"),
    ],
)
def test_a_file_without_pairs_is_refused_with_the_reason(pairs, text, name, keys, message):
    with pytest.raises(DataError, match=message):
        describe(pairs(text, name, **keys))


def test_pairs_that_are_not_there_yet_have_the_facts_their_recipe_promises(recipe, tmp_path):
    absent = {"type": "pairs_file", "path": str(tmp_path / "absent.csv"), "context": 32}
    info = describe(recipe("seq2seq", tokenizer="bpe", vocab=900, **absent))
    assert (info.vocab, info.input("target").shape, info.train_size) == (900, (32,), None)
    with pytest.raises(DataError, match="no such file"):
        describe(recipe("seq2seq", **absent))


def test_letters_are_copied_reversed_and_sorted_as_the_first_word_says(recipe):
    wanted = recipe(
        "seq2seq",
        type="copy_reverse",
        tasks=["copy", "reverse", "sort"],
        shortest=2,
        longest=6,
        size=300,
        batch_size=300,
    )
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert data.info.vocab == 4 + 26 + 3
    do = {"copy": list, "reverse": lambda letters: letters[::-1], "sort": sorted}
    asked = set()
    for batch in (*data.train.epoch(0), *data.val.epoch(0)):
        for source, target in zip(batch.inputs["source"], batch.targets, strict=True):
            text = data.tokenizer.decode(source)
            name, *letters = text.split()
            assert 2 <= len(letters) <= 6
            assert data.tokenizer.decode(target[target != -100]).split() == do[name](letters)
            asked.add(text)
    assert len(asked) == 300
    assert {text.split()[0] for text in asked} == set(do)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shortest": 5, "longest": 4}, "longer than the longest"),
        ({"symbols": 2, "shortest": 1, "longest": 2, "size": 10}, "6 different examples"),
        ({"tasks": ["copy", "copy"]}, "named twice"),
    ],
)
def test_letters_that_cannot_be_made_are_refused(recipe, keys, message):
    with pytest.raises(DataError, match=message):
        describe(recipe("seq2seq", type="copy_reverse", **keys))


def test_pairs_do_not_fit_the_task_of_one_text(recipe):
    with pytest.raises(DataError, match="Use the task ctc or seq2seq") as caught:
        describe(recipe("next_token", type="copy_reverse"))
    assert "token sequences" in str(caught.value)
