"""A token sequence written from another: taught with the truth, judged by what it writes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.tasks.seq2seq import Seq2Seq
from dltui.worker.data.sequences import IGNORED
from dltui.worker.data.tokenizer import PADDING, Tokenizer
from dltui.worker.decoding import Ends, beam_search, greedy
from dltui.worker.losses import class_loss
from dltui.worker.tasks.base import Collector, Supervised, only_tensor
from dltui.worker.tasks.classify import chosen_weights

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

_SHOWN_ROWS = 24
_OF_TEXTS = frozenset(("bleu", "rouge"))


class Written(NamedTuple):
    """What an evaluation knows of a batch: logits `(N, T, V)` with the truth before each place,
    and what was written without it, `(N, T)`; None where enough has been written."""

    logits: Tensor
    tokens: Tensor | None


class Seq2SeqTask(Supervised):
    """Inputs `source` `(N, S)` and `target` `(N, T)`, logits `(N, T, V)`, targets `(N, T)`."""

    scalar_names = ("token_accuracy",)

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, Seq2Seq)
        tokenizer = data.tokenizer
        if tokenizer is None or not {"begin", "end"} <= set(tokenizer.special):
            raise DataError(
                "the task seq2seq needs data with a tokeniser that has a begin and an end",
                where="data.type",
                remedy="Use data of type pairs_file or copy_reverse.",
            )
        self._tokenizer = tokenizer
        special, length = tokenizer.special, self.info.input("target").shape[0]
        self._ends = Ends(special["begin"], special["end"], length)
        self._decode = self.recipe.task.decode
        section, vocab = self.recipe.task.loss, tokenizer.size
        wanted = section.class_weights
        weights = chosen_weights(self.recipe, "class_weights", wanted, vocab, data)
        self.loss_of = class_loss(section, None if weights is None else weights.to(device))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of(outputs.flatten(0, 1), targets.flatten())

    def scalars(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        asked = targets != IGNORED
        right = (outputs.detach().argmax(-1) == targets) & asked
        return (right.sum() / asked.sum(),)

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        logits = only_tensor(networks.main(batch.inputs))
        return self.loss(logits, batch.targets), Written(logits, self._write(networks, batch))

    def _write(self, networks: Networks, batch: Batch) -> Tensor | None:
        assert isinstance(batch.inputs, dict)
        if int(batch.indices[0]) >= self._decode.examples:
            return None

        def forward(source: Tensor, target: Tensor) -> Tensor:
            return only_tensor(networks.main({"source": source, "target": target}))

        source, beams = batch.inputs["source"], self._decode.beams
        if beams == 1:
            return greedy(forward, source, self._ends)
        return beam_search(forward, source, self._ends, beams, self._decode.length_penalty)

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        # slow to import: see worker.metrics
        from torchmetrics import MeanMetric, text
        from torchmetrics.classification import MulticlassAccuracy

        if name == "exact_match":
            return MeanMetric(**arguments)
        if name == "bleu":
            return text.BLEUScore(**arguments)
        if name == "rouge":
            from dltui.worker.rouge import rouge_score

            return rouge_score(**arguments)
        if name == "perplexity":
            return text.Perplexity(ignore_index=IGNORED, **arguments)
        arguments = {"average": "micro", **arguments}
        return MulticlassAccuracy(num_classes=self.info.vocab, ignore_index=IGNORED, **arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Written, batch: Batch) -> None:
        kind = name.split(":")[0]
        if kind == "token_accuracy":
            metric.update(outputs.logits.argmax(-1), batch.targets)
        elif kind == "perplexity":
            metric.update(outputs.logits.float(), batch.targets)
        elif outputs.tokens is not None and kind == "exact_match":
            metric.update(matches(outputs.tokens, batch.targets).float())
        elif outputs.tokens is not None:
            said, truth = self._texts(outputs.tokens), self._texts(batch.targets)
            metric.update(said, [[text] for text in truth])

    def _texts(self, tokens: Tensor) -> list[str]:
        return [texts_of(row, self._tokenizer) for row in tokens.cpu()]

    def collector(self, part: str) -> Collector:
        return WrittenTexts(part, self._tokenizer)


def matches(written: Tensor, targets: Tensor) -> Tensor:
    """`(N,)` bool: whether every token is right, the end among them; both `(N, T)`."""
    return ((written == targets) | (targets == IGNORED)).all(1)


def texts_of(tokens: Tensor, tokenizer: Tokenizer) -> str:
    """The text of a row of tokens with −100 or padding after its end."""
    return tokenizer.decode(tokens.masked_fill(tokens == IGNORED, PADDING))


class WrittenTexts:
    """The first examples of a part: source, truth and what the network wrote."""

    def __init__(self, part: str, tokenizer: Tokenizer):
        self._part = part
        self._tokenizer = tokenizer
        self._rows: list[list[str]] = []
        self._good: list[bool] = []

    def update(self, outputs: Written, batch: Batch) -> None:
        missing = _SHOWN_ROWS - len(self._rows)
        if outputs.tokens is None or missing <= 0:
            return
        assert isinstance(batch.inputs, dict)
        columns = (batch.inputs["source"], batch.targets, outputs.tokens)
        for row in zip(*(tokens[:missing].cpu() for tokens in columns), strict=True):
            self._rows.append([texts_of(tokens, self._tokenizer) for tokens in row])
        self._good += matches(outputs.tokens, batch.targets)[:missing].tolist()

    def publish(self, artefacts: Artefacts) -> None:
        title = f"written from the sources of {self._part}"
        artefacts.pairs(title, ("source", "truth", "output"), self._rows, self._good)


TASK = Seq2SeqTask
