"""Texts with a class each: tables, folders, and the docstrings of Python itself."""

from __future__ import annotations

import email.message

import pytest

from dltui.errors import DataError
from dltui.worker.data import describe, open_data
from dltui.worker.data.sources.docstrings import PACKAGES, docstrings

REVIEWS = "text,label\n" + "".join(
    f"{('a fine', 'A BAD')[n % 2]} film number {n},{('good', 'bad')[n % 2]}\n" for n in range(20)
)


@pytest.fixture
def classes(recipe, tmp_path):
    def make(content, **keys):
        if isinstance(content, str):
            path = tmp_path / "reviews.csv"
            path.write_text(content)
        else:
            path = tmp_path / "reviews"
            for name, text in content.items():
                file = path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return recipe(type="text_classes", path=str(path), **{"context": 4, **keys})

    return make


def test_a_table_of_texts_becomes_padded_words_and_classes(classes):
    wanted = classes(REVIEWS, context=8, lowercase=True, batch_size=100)
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert data.info.class_names == ("bad", "good")
    assert (data.info.shape, data.info.train_size, data.info.val_size) == ((8,), 16, 4)
    (batch,) = data.train.epoch(0)
    assert batch.inputs.shape == (16, 8)
    assert (batch.inputs[:, 5:] == 0).all()
    assert (batch.inputs[:, :5] > 1).all()
    for words, target in zip(batch.inputs, batch.targets, strict=True):
        said = data.tokenizer.decode(words).split()
        assert said[1] == ("bad", "fine")[int(target)]
    example = data.decode_example("val", 0)
    assert example.text.split()[1] == ("bad", "fine")[example.target]


def test_folders_by_class_keep_their_parts_and_words_come_from_train_alone(classes):
    texts = {
        f"{part}/{name}/{n}.txt": f"{name} words {part}\r\n"
        for part in ("train", "test")
        for name in ("neg", "pos")
        for n in range(3)
    }
    data = open_data(classes(texts, batch_size=10), seed=0, device="cpu")
    assert data.info.class_names == ("neg", "pos")
    assert (data.info.train_size, data.info.val_size) == (6, 6)
    (batch,) = data.val.epoch(0)
    for words, target in zip(batch.inputs, batch.targets, strict=True):
        assert data.tokenizer.decode(words) == f"{('neg', 'pos')[int(target)]} words \ufffd"


def test_what_is_no_text_is_named_counted_and_skipped_and_long_texts_are_cut(classes):
    texts = {f"{name}/{n}.txt": "one two three" for name in "ab" for n in range(5)}
    texts |= {"a/long.txt": "one two three four five", "b/empty.txt": " \n", "b/bad.txt": b"\xff"}
    info = describe(classes(texts))
    assert info.train_size + info.val_size == 11
    assert info.notes == (
        "2 files skipped: b/bad.txt (byte 0 is no UTF-8), b/empty.txt (empty)",
        "texts cut after 4 tokens: 1",
    )
    info = describe(classes(REVIEWS + ",good\nno class,\n", context=8))
    assert info.notes == ("2 rows without a text or a class skipped: lines 22, 23",)


@pytest.mark.parametrize(
    ("content", "keys", "message"),
    [
        (REVIEWS, {"text": "txt"}, "no column 'txt'"),
        ("text,label\na,x\nb,x\n", {}, "one class only: x"),
        ("text,label\n,x\n", {}, "there are no texts"),
        ({"a/1.md": "x"}, {}, "no subfolder holds texts"),
        ({"train/a/1.txt": "x", "train/b/1.txt": "x", "test/c/1.txt": "x"}, {}, "class.*: c"),
        (REVIEWS, {"name": "stdlib-docstrings"}, "needs a path or a name"),
    ],
)
def test_texts_without_classes_are_refused_with_the_reason(classes, content, keys, message):
    with pytest.raises(DataError, match=message):
        describe(classes(content, **keys))


def test_docstrings_come_from_the_packages_that_they_are_labelled_with():
    pairs = docstrings()
    assert {package for _, package in pairs} == set(PACKAGES)
    assert len(pairs) > 1200
    assert len({text for text, _ in pairs}) == len(pairs)
    assert dict(pairs)[email.message.Message.is_multipart.__doc__] == "email"
