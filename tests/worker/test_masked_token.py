"""Hidden tokens are chosen as in BERT's paper, alone count, and are the same in evaluations."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from dltui.recipe.tasks.masked_token import Masking
from dltui.runs import read_samples, read_status
from dltui.runs.samples import sample_folders
from dltui.worker.data import Batch
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.masked_token import Guessed, Masked, MaskedTokenTask, hide
from tests.worker.conftest import MakeRun, prepared_task, resumed_bitwise, train

MASK, SPECIALS, VOCAB = 1, 2, 50
RECIPE = """
dltui: 1
name: hidden
data: {type: text, path: PATH, context: 16, batch_size: 16}
model:
  layers:
    - embedding: 16
    - gru: {hidden: 16, bidirectional: true}
    - linear: $(data.vocab)
task: {type: masked_token}
optimizer: {type: adam, lr: 0.02}
trainer: {steps: 120, evaluate_every_steps: 40, evaluate_every_epochs: null, device: cpu}
"""


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text("abcdefg" * 340)
    return RECIPE.replace("PATH", str(path))


@pytest.fixture
def task(text: str, tmp_path: Path) -> MaskedTokenTask:
    task = prepared_task(text, tmp_path)
    assert isinstance(task, MaskedTokenTask)
    return task


def test_tokens_are_hidden_in_the_shares_of_the_paper() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(SPECIALS, VOCAB, (400, 128))
    tokens[:, 100:] = 0
    seen, truth = hide(tokens, Masking(), MASK, SPECIALS, VOCAB)
    asked = truth != -100
    assert torch.equal(truth[asked], tokens[asked])
    assert torch.equal(seen[~asked], tokens[~asked])
    assert not asked[:, 100:].any()
    assert asked[:, :100].float().mean() == pytest.approx(0.15, abs=0.01)
    fates = seen[asked]
    assert (fates == MASK).float().mean() == pytest.approx(0.8, abs=0.02)
    kept = (fates == tokens[asked]).float().mean()
    assert kept == pytest.approx(0.1 + 0.1 / (VOCAB - SPECIALS), abs=0.02)
    assert (fates != 0).all()


def test_every_text_has_something_to_guess() -> None:
    tokens = torch.full((50, 4), 7)
    _, truth = hide(tokens, Masking(share=0.01), MASK, SPECIALS, VOCAB)
    assert ((truth != -100).sum(1) >= 1).all()


def test_only_hidden_tokens_count_in_loss_and_metrics(task: MaskedTokenTask) -> None:
    torch.manual_seed(1)
    tokens = torch.randint(2, 10, (6, 16))
    masked = Masked(tokens, tokens.masked_fill(torch.rand(6, 16) > 0.3, -100))
    logits = torch.randn(6, 16, 10)
    asked = masked.truth != -100
    expected = F.cross_entropy(logits[asked], tokens[asked])
    batch = Batch(tokens, tokens, torch.arange(6))
    assert torch.allclose(task._loss(logits, masked), expected)
    for name, truth in (
        ("masked_accuracy", (logits[asked].argmax(-1) == tokens[asked]).float().mean()),
        ("perplexity", expected.exp()),
    ):
        metric = task.metric(name, {})
        task.update_metric(name, metric, Guessed(logits, masked, tokens), batch)
        assert float(metric.compute()) == pytest.approx(float(truth), rel=1e-5)


def test_a_text_is_learned_and_its_hidden_letters_are_shown(make_run: MakeRun, text: str) -> None:
    folder = make_run(text)
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert metrics["val/masked_accuracy"] > 0.95
    assert metrics["train/masked_accuracy"] > 0.8
    last = sample_folders(folder.samples, "pairs")[-1]
    shown = read_samples(last, "pairs")
    assert shown is not None
    assert shown["columns"] == ["hidden", "truth", "output"]
    for (hidden, truth, output), good in zip(shown["rows"], shown["good"], strict=True):
        assert "▒" in hidden
        assert good == (truth == output)
        assert all(h in ("▒", t) for h, t in zip(hidden, truth, strict=True))
    # The same letters are hidden in every evaluation.
    begun = read_samples(sample_folders(folder.samples, "pairs")[0], "pairs")
    assert begun is not None
    assert [row[0] for row in begun["rows"]] == [row[0] for row in shown["rows"]]


def test_hiding_goes_on_bitwise_from_the_middle_of_an_epoch(make_run: MakeRun, text: str) -> None:
    short = ("trainer.steps=9", "trainer.evaluate_every_steps=4")
    resumed_bitwise(lambda: make_run(text, *short), 5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("linear: $(data.vocab)", "linear: 7", "needs (N,16,9)"),
        (
            "  layers:\n    - embedding: 16",
            "  outputs: [words, same]\n  layers:\n    - {name: words, embedding: 16}\n"
            "    - {name: same, identity: null}",
            "gives words (N,16,16), but the task masked_token needs (N,16,9)",
        ),
        ("type: masked_token", "type: masked_token, mask: {share: 1.5}", "less than 1"),
        (
            "data: {type: text, path: PATH, context: 16",
            "data: {type: builtin, name: digits",
            "the set digits goes with task classify",
        ),
    ],
)
def test_what_cannot_be_filled_in_is_refused_by_validate(
    old: str, new: str, message: str, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old.replace("PATH", str(tmp_path / "text.txt")), new))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors


def test_a_share_that_is_replaced_and_masked_is_at_most_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        text.replace("masked_token", "masked_token, mask: {masked: 0.8, replaced: 0.3}")
    )
    errors = describe_recipe(path)["errors"]
    assert any("add up to more than 1" in error["message"] for error in errors), errors
