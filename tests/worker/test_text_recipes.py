"""The recipes for texts train twenty steps, the landmarks small and on texts of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.test_image_recipes import trained

SMALLER = {
    "landmarks/gpt2-small": "{width: 16, heads: 2, layers: 2}",
    "landmarks/tinyllama-1.1b": "{width: 16, heads: 4, kv_heads: 2, hidden: 24, layers: 2}",
    "language/gpt-text": None,
    "landmarks/bert-base": "{width: 16, heads: 2, layers: 2, context: 16}",
}


@pytest.mark.parametrize("name", SMALLER)
def test_a_language_model_trains_on_a_folder_of_texts(name: str, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(3):
        (texts / f"{number}.txt").write_text(f"Every word of text {number} is a word. " * 60)
    trained(
        name,
        tmp_path,
        f"data.path={texts}",
        "data.tokenizer=char",
        "data.vocab=null",
        "data.context=16",
        *(() if name == "landmarks/bert-base" else ("task.sample.length=8",)),
        "scheduler.warmup.steps=5",
        "trainer.checkpoint.every_steps=null",
        "trainer.precision=float32",
        f"model.params={SMALLER[name]}" if SMALLER[name] else "model.layers.1.repeat=1",
        metric="perplexity",
    )


def test_t5_trains_on_a_file_of_pairs(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    rows = [f"the number {n},number {n} it is" for n in range(50)]
    pairs.write_text("\n".join(["source,target", *rows, "of nothing,"]))
    trained(
        "landmarks/t5-small",
        tmp_path,
        f"data.path={pairs}",
        "data.tokenizer=word",
        "data.vocab=60",
        "data.context=6",
        "task.decode.examples=4",
        "scheduler.warmup.steps=5",
        "trainer.checkpoint.every_steps=null",
        "trainer.precision=float32",
        "model.params={width: 16, heads: 2, head_dim: 8, hidden: 24, layers: 2}",
        metric="rouge",
    )


OFFLINE = {
    "language/gpt-pydoc": ("perplexity", "task.sample.length=8"),
    "language/llama-pydoc": ("perplexity", "model.params={width: 16, hidden: 24, layers: 1}"),
    "language/char-rnn": ("perplexity", "task.sample.length=8"),
    "language/bert-pydoc": ("masked_accuracy", "model.params={width: 16, layers: 1}"),
    "language/text-classification": ("f1", "model.params={width: 16}"),
    "language/bag-of-words": ("f1", "model.params={width: 16}"),
    "language/t5-reverse": ("bleu", "task.decode.examples=4"),
}


@pytest.mark.parametrize("name", OFFLINE)
def test_a_recipe_for_texts_trains_on_what_is_at_hand(name: str, tmp_path: Path) -> None:
    metric, *smaller = OFFLINE[name]
    quick = ("trainer.checkpoint.every_steps=null", "data.context=16", "data.limit=40")
    if name == "language/t5-reverse":
        quick = ("data.size=100",)
    if name == "language/llama-pydoc":
        quick = (*quick, "task.sample.length=8")
    trained(name, tmp_path, *quick, "scheduler.warmup={steps: 5}", *smaller, metric=metric)
