"""Words as tokens, and tokens that stand for no text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dltui.worker.data import describe, open_data
from dltui.worker.data.tokenizer import (
    ByteTokenizer,
    CharTokenizer,
    SpecialTokenizer,
    WordTokenizer,
    make_tokenizer,
    tokenizer_from_json,
)

NAMES = ("padding", "begin", "end", "unknown")
STORY = "The cat sat on the mat, and the dog sat on the cat. " * 40


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_special_tokens_come_first_and_leave_every_text_as_it_is(text):
    for base in (CharTokenizer(text), ByteTokenizer()):
        tokenizer = SpecialTokenizer(base, NAMES)
        again = tokenizer_from_json(tokenizer.as_json())
        tokens = again.encode(text)
        assert again.decode(tokens) == text
        assert torch.equal(tokens - 4, base.encode(text))
        assert again.size == base.size + 4
        assert dict(again.special) == {"padding": 0, "begin": 1, "end": 2, "unknown": 3}


def test_what_has_no_token_becomes_unknown_and_padding_is_not_shown():
    tokenizer = SpecialTokenizer(CharTokenizer("abc"), NAMES)
    assert tokenizer.encode("axb").tolist() == [4, 3, 5]
    assert tokenizer.decode([1, 4, 3, 5, 2, 0, 0]) == "a\ufffdb"
    masked = SpecialTokenizer(CharTokenizer("abc"), ("padding", "mask"))
    assert masked.encode("axb").tolist() == [2, 3]
    assert masked.decode([2, 1, 1, 3]) == "a▒▒b"


def test_words_are_numbered_by_how_often_they_stand_in_the_text():
    tokenizer = WordTokenizer.trained("b a, a b a c!", 3)
    assert tokenizer.words == ["a", "b", ","]
    assert tokenizer.decode(tokenizer.encode("a,b c")) == "a , b"
    special = SpecialTokenizer(tokenizer, NAMES)
    assert special.decode(special.encode("a c b")) == "a \ufffd b"
    again = tokenizer_from_json(special.as_json())
    assert torch.equal(again.encode("a c b"), torch.tensor([4, 3, 5]))


@pytest.mark.parametrize("kind", ["bpe", "word"])
def test_the_vocabulary_asked_for_counts_the_special_tokens(kind):
    size = {"bpe": 262, "word": 8}[kind]
    tokenizer = make_tokenizer(kind, size, text=STORY, training_text=STORY, special=NAMES)
    assert tokenizer.size == size


def test_only_tasks_that_need_them_get_special_tokens(recipe, tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    text = {"type": "text", "path": str(path), "context": 16}
    plain = open_data(recipe("next_token", **text), seed=0, device="cpu")
    assert not plain.tokenizer.special
    hidden = recipe("masked_token", **text)
    data = open_data(hidden, seed=0, device="cpu")
    assert describe(hidden).vocab == data.info.vocab == plain.info.vocab + 2
    one, other = next(plain.val.epoch(0)).inputs, next(data.val.epoch(0)).inputs
    assert torch.equal(one + 2, other)
