"""Sequences written from others: the decoders, the loss, the metrics and a whole training."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from dltui.runs import read_samples, read_status
from dltui.runs.samples import sample_folders
from dltui.worker.data import Batch
from dltui.worker.decoding import Ends, beam_search, greedy
from dltui.worker.describe import describe_recipe
from dltui.worker.tasks.seq2seq import Seq2SeqTask, Written, matches
from tests.worker.conftest import MakeRun, prepared_task, resumed_bitwise, train

RECIPE = """
dltui: 1
name: copies
data:
  type: copy_reverse
  tasks: [copy]
  symbols: 5
  shortest: 1
  longest: 3
  size: 75
  batch_size: 30
model:
  inputs: [source, target]
  layers:
    - {name: seen, attention_mask: 0, in: source}
    - {name: tokens, embedding: 16, in: source}
    - {name: read, positions: learned}
    - {name: encoder, transformer_encoder: {layers: 1, heads: 2, mask: seen, dropout: 0.1}}
    - {use: tokens, in: target, name: written}
    - {name: placed, positions: learned, in: written}
    - name: decoder
      transformer_decoder: {layers: 1, heads: 2, memory_mask: seen}
      in: [placed, encoder]
    - linear: $(data.vocab)
task: {type: seq2seq, loss: {label_smoothing: 0.1}}
metrics: [exact_match, token_accuracy, {bleu: 1}, rouge, perplexity]
optimizer: {type: adam, lr: 0.01}
trainer: {steps: 250, evaluate_every_steps: 125, evaluate_every_epochs: null, device: cpu}
"""
ENDS = Ends(begin=1, end=2, length=4)
VOCAB = 5


class Table:
    """A network whose next token depends on the last two of each row and its source."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.logits = torch.randn(3, VOCAB, VOCAB, VOCAB) * 2
        # Nothing may begin anew; padding is only what follows the end.
        self.logits[..., [0, 1]] = -30

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        before = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], 1)
        return self.logits[source[:, :1], before, target]


def ways() -> list[list[int]]:
    """Every sequence that ends, or is as long as may be."""
    found = []
    for length in range(1, ENDS.length + 1):
        for body in product((3, 4), repeat=length - 1):
            found.append([*body, ENDS.end])
            if length == ENDS.length:
                found += [[*body, 3], [*body, 4]]
    return found


def log_p(table: Table, row: int, tokens: list[int]) -> float:
    seen, total = [ENDS.begin, *tokens[:-1]], 0.0
    logits = table(torch.tensor([[row]]), torch.tensor([seen]))[0]
    for place, token in enumerate(tokens):
        total += float(logits[place].log_softmax(-1)[token])
    return total


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_enough_beams_find_the_best_of_all_sequences(seed: int, penalty: float) -> None:
    table = Table(seed)
    found = beam_search(table, torch.arange(3).view(3, 1), ENDS, beams=32, penalty=penalty)
    for row in range(3):
        best = max(ways(), key=lambda way: log_p(table, row, way) / len(way) ** penalty)
        assert found[row].tolist() == best + [0] * (ENDS.length - len(best))


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_is_greedy_and_takes_the_likeliest_token_each_time(seed: int) -> None:
    table = Table(seed)
    source = torch.arange(3).view(3, 1)
    found = greedy(table, source, ENDS)
    assert torch.equal(found, beam_search(table, source, ENDS, beams=1))
    for row in range(3):
        tokens: list[int] = []
        while len(tokens) < ENDS.length and (not tokens or tokens[-1] != ENDS.end):
            logits = table(torch.tensor([[row]]), torch.tensor([[ENDS.begin, *tokens]]))
            tokens.append(int(logits[0, -1].argmax()))
        assert found[row].tolist() == tokens + [0] * (ENDS.length - len(tokens))


@pytest.fixture
def task(tmp_path: Path) -> Seq2SeqTask:
    task = prepared_task(RECIPE, tmp_path)
    assert isinstance(task, Seq2SeqTask)
    return task


def test_padding_counts_in_no_loss_and_no_metric(task: Seq2SeqTask) -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 9)
    targets = torch.tensor([[4, 5, 6, 2], [4, 2, -100, -100], [7, 5, 2, -100]])
    asked = targets != -100
    smoothed = F.cross_entropy(logits[asked], targets[asked], label_smoothing=0.1)
    assert torch.allclose(task.loss(logits, targets), smoothed)
    written = torch.tensor([[4, 5, 6, 2], [4, 2, 0, 0], [7, 5, 6, 2]])
    assert matches(written, targets).tolist() == [True, True, False]
    sources = {"source": targets, "target": targets}
    batch = Batch(sources, targets, torch.arange(3))
    plain = F.cross_entropy(logits[asked], targets[asked])
    wanted = {
        "exact_match": 2 / 3,
        "token_accuracy": float((logits[asked].argmax(-1) == targets[asked]).float().mean()),
        "perplexity": float(plain.exp()),
        # "a b c", "a", "d b": 6 of the 7 words written ("a b c", "a", "d b c") stand in the truth.
        "bleu": 6 / 7,
        "rouge": (1 + 1 + 2 * (2 / 3) * 1 / (2 / 3 + 1)) / 3,
    }
    for name, value in wanted.items():
        metric = task.metric(name, {"n_gram": 1} if name == "bleu" else {})
        task.update_metric(name, metric, Written(logits, written), batch)
        assert float(metric.compute()) == pytest.approx(value, rel=1e-4), name


def test_letters_are_learned_and_written_without_help(make_run: MakeRun) -> None:
    folder = make_run(RECIPE)
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert metrics["val/exact_match"] >= 0.75
    assert metrics["val/token_accuracy"] >= 0.9
    shown = read_samples(sample_folders(folder.samples, "pairs")[-1], "pairs")
    assert shown is not None
    assert shown["columns"] == ["source", "truth", "output"]
    assert len(shown["rows"]) == 15
    for (source, truth, output), good in zip(shown["rows"], shown["good"], strict=True):
        assert source == truth
        assert good == (truth == output)
    assert sum(shown["good"]) / 15 == pytest.approx(metrics["val/exact_match"])


def test_pairs_go_on_bitwise_and_beams_write_only_what_is_asked_for(make_run: MakeRun) -> None:
    short = (
        "trainer.steps=7",
        "trainer.evaluate_every_steps=3",
        "task.decode={examples: 3, beams: 2}",
        "data.eval_batch_size=2",
    )
    whole = resumed_bitwise(lambda: make_run(RECIPE, *short), 5)
    shown = read_samples(sample_folders(whole.samples, "pairs")[-1], "pairs")
    assert shown is not None
    assert len(shown["rows"]) == 4  # whole batches: two of two


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("linear: $(data.vocab)", "linear: 7", "needs (N,4,9)"),
        ("[source, target]", "[source, traget]", "traget"),
    ],
)
def test_what_cannot_be_written_is_refused_by_validate(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(RECIPE.replace(old, new))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors
