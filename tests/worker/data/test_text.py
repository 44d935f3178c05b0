"""Text files and folders, and their tokenisers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dltui.errors import DataError
from dltui.worker.data import describe, load_tokenizer, open_data
from dltui.worker.data.tokenizer import (
    BpeTokenizer,
    ByteTokenizer,
    CharTokenizer,
    save_tokenizer,
    tokenizer_from_json,
)

STORY = "Es war einmal eine Königin, die saß am Fenster und nähte. " * 120


@pytest.mark.parametrize(("kind", "vocab"), [("char", None), ("byte", None), ("bpe", 300)])
def test_a_text_becomes_windows_that_read_like_it(recipe, tmp_path, kind, vocab):
    path = tmp_path / "story.txt"
    path.write_text(STORY, encoding="utf-8")
    wanted = recipe(
        "next_token", type="text", path=str(path), tokenizer=kind, vocab=vocab, context=16
    )
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert data.info.vocab == data.tokenizer.size
    batch = next(data.train.epoch(0))
    assert batch.inputs.shape == batch.targets.shape == (64, 16)
    assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    text = data.tokenizer.decode(batch.inputs[3]).strip("\ufffd")
    assert text in STORY
    save_tokenizer(data.tokenizer, tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert torch.equal(again.encode(STORY), data.tokenizer.encode(STORY))


def test_validation_is_the_end_of_the_text(recipe, tmp_path):
    path = tmp_path / "two.txt"
    path.write_text("a" * 800 + "b" * 200)
    data = open_data(
        recipe("next_token", type="text", path=str(path), context=10), seed=0, device="cpu"
    )
    assert all((batch.inputs == 0).all() for batch in data.train.epoch(0))
    assert all((batch.inputs == 1).all() for batch in data.val.epoch(0))


def test_windows_shift_from_epoch_to_epoch_and_resume_exactly(recipe, tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(STORY, encoding="utf-8")
    data = open_data(
        recipe("next_token", type="text", path=str(path), context=16, batch_size=8),
        seed=0,
        device="cpu",
    )
    first = [list(data.train.epoch(epoch)) for epoch in (0, 1)]
    starts = [{tuple(row) for b in batches for row in b.inputs.tolist()} for batches in first]
    assert starts[0] != starts[1]
    for left, right in zip(first[1][5:], data.train.epoch(1, 5), strict=True):
        assert torch.equal(left.inputs, right.inputs)
    assert len({len(batches) for batches in first}) == 1


def test_a_folder_is_read_in_the_order_of_its_paths(recipe, tmp_path):
    (tmp_path / "b.txt").write_text("b" * 300)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("A" * 300)
    (tmp_path / "skip.md").write_text("#" * 300)
    info = describe(
        recipe("next_token", type="text", path=str(tmp_path), context=8, lowercase=True)
    )
    assert info.vocab == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too short"),
        (b"short", "too short"),
        (b"\xff\xfe" * 500, "byte 0 is no UTF-8"),
        (b"abc\0" * 500, "zero bytes"),
    ],
)
def test_what_is_no_text_is_refused(recipe, tmp_path, content, message):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        describe(recipe("next_token", type="text", path=str(path), context=32))
    assert caught.value.remedy


def test_nothing_to_read_is_refused(recipe, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        describe(recipe("next_token", type="text", path=str(tmp_path / "none.txt")))
    with pytest.raises(DataError, match="no file matches"):
        describe(recipe("next_token", type="text", path=str(tmp_path)))


def test_a_part_shorter_than_one_window_is_refused(recipe, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("x" * 200)
    with pytest.raises(DataError, match="the val part has 40 tokens, one window needs 51"):
        describe(recipe("next_token", type="text", path=str(path), context=50))


def test_folds_of_a_text_are_stretches_of_it(recipe, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a" * 100 + "b" * 100 + "c" * 100)
    data = open_data(
        recipe(
            "next_token", type="text", path=str(path), context=10, kfold={"folds": 3, "fold": 1}
        ),
        seed=0,
        device="cpu",
    )
    assert all((batch.inputs == 1).all() for batch in data.val.epoch(0))


def test_bpe_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"dltui\[bpe\]"):
        BpeTokenizer.trained("abc", 300)


def test_bpe_needs_room_for_the_bytes():
    with pytest.raises(DataError, match="256 bytes"):
        BpeTokenizer.trained("abc", 100)


def test_a_text_that_is_not_there_yet_has_the_facts_its_recipe_promises(recipe, tmp_path):
    absent = {"type": "text", "path": str(tmp_path / "absent.txt"), "context": 16}
    promised = recipe("next_token", tokenizer="bpe", vocab=500, **absent)
    info = describe(promised)
    assert (info.shape, info.vocab, info.train_size) == ((16,), 500, None)
    assert "shown with data.vocab = 500" in info.notes[0]
    with pytest.raises(DataError, match="no such file"):
        open_data(promised, seed=0, device="cpu")
    with pytest.raises(DataError, match="no such file"):
        describe(recipe("next_token", tokenizer="char", **absent))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_char_and_byte_tokenisers_give_back_any_text(text):
    for tokenizer in (CharTokenizer(text), ByteTokenizer()):
        again = tokenizer_from_json(tokenizer.as_json())
        assert again.decode(again.encode(text)) == text
        assert int(tokenizer.encode(text).max()) < tokenizer.size


@pytest.fixture(scope="module")
def bpe():
    return BpeTokenizer.trained(STORY, 400)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_the_bpe_tokeniser_gives_back_any_text(bpe, text):
    assert bpe.decode(bpe.encode(text)) == text


def test_unknown_characters_are_left_out_and_can_be_named():
    tokenizer = CharTokenizer("abc")
    assert tokenizer.decode(tokenizer.encode("xaby")) == "ab"
    assert tokenizer.unknown("xaby") == ["x", "y"]
    assert len(tokenizer.encode("xyz")) == 0


def test_a_broken_tokeniser_file_is_refused(tmp_path):
    for text in ("{", "[]", '{"type": "other"}', '{"type": "char"}'):
        (tmp_path / "tokenizer.json").write_text(text)
        with pytest.raises(DataError, match="cannot be read"):
            load_tokenizer(tmp_path / "tokenizer.json")
