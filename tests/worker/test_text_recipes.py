"""The landmark language models train twenty steps on a text of the user's, small sizes given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.test_image_recipes import trained

SMALLER = {
    "landmarks/gpt2-small": "{width: 16, heads: 2, layers: 2}",
    "landmarks/tinyllama-1.1b": "{width: 16, heads: 4, kv_heads: 2, hidden: 24, layers: 2}",
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
        "task.sample.length=8",
        "scheduler.warmup.steps=5",
        "trainer.checkpoint.every_steps=null",
        "trainer.precision=float32",
        f"model.params={SMALLER[name]}",
        metric="perplexity",
    )
