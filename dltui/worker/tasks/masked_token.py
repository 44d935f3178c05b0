"""The hidden tokens of a text (Devlin et al. 2018, https://arxiv.org/abs/1810.04805)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.tasks.masked_token import MaskedToken, Masking
from dltui.worker.data.tensors import first
from dltui.worker.data.tokenizer import PADDING, Tokenizer
from dltui.worker.losses import class_loss
from dltui.worker.tasks.base import Collector, Phase, Task, only_tensor
from dltui.worker.tasks.classify import chosen_weights

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Batch, Data
    from dltui.worker.networks import Networks

_IGNORED = -100
_SHOWN_ROWS = 12
_SHOWN_TOKENS = 96


class Masked(NamedTuple):
    """Tokens `(N, T)` as the network sees them, and the truth where it has to guess, else −100."""

    seen: Tensor
    truth: Tensor


class Guessed(NamedTuple):
    """What an evaluation knows of a batch: logits are `(N, T, V)`."""

    logits: Tensor
    masked: Masked
    tokens: Tensor


def hide(tokens: Tensor, section: Masking, mask: int, specials: int, vocab: int) -> Masked:
    """Chooses `section.share` of the tokens `(N, T)`, at least one a row, never padding.

    Of these `masked` become `mask`, `replaced` any token that is not special (numbers from
    `specials` to `vocab` - 1), and the rest stay as they are. Draws from torch's generator.
    """
    text = tokens != PADDING
    draw = torch.rand(tokens.shape, device=tokens.device).masked_fill(~text, 1.0)
    chosen = ((draw < section.share) | (draw == draw.amin(1, keepdim=True))) & text
    fate = torch.rand(tokens.shape, device=tokens.device)
    others = torch.randint(specials, vocab, tokens.shape, device=tokens.device)
    replaced = (fate >= section.masked) & (fate < section.masked + section.replaced)
    seen = torch.where(chosen & replaced, others, tokens)
    seen = seen.masked_fill(chosen & (fate < section.masked), mask)
    return Masked(seen, tokens.masked_fill(~chosen, _IGNORED))


class MaskedTokenTask(Task):
    """Logits `(N, T, V)`; only the hidden tokens count. Evaluations always hide the same ones."""

    scalar_names = ("masked_accuracy",)

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, MaskedToken)
        tokenizer = data.tokenizer
        if tokenizer is None or "mask" not in tokenizer.special:
            raise DataError(
                "the task masked_token needs data with a tokeniser that has a mask",
                where="data.type",
                remedy="Use data of type text, or builtin with the name pydoc.",
            )
        self._tokenizer = tokenizer
        self._section = self.recipe.task.mask
        section, vocab = self.recipe.task.loss, tokenizer.size
        wanted = section.class_weights
        weights = chosen_weights(self.recipe, "class_weights", wanted, vocab, data)
        self.loss_of = class_loss(section, None if weights is None else weights.to(device))

    def step(self, networks: Networks, batch: Batch, phase: Phase) -> list[Tensor]:
        masked = self._hidden(batch)
        logits = only_tensor(networks.main(masked.seen))
        guessed = masked.truth != _IGNORED
        right = (logits.detach().argmax(-1) == masked.truth) & guessed
        return [self._loss(logits, masked), right.sum() / guessed.sum()]

    def evaluate(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Any]:
        masked = self._hidden(batch)
        logits = only_tensor(networks.main(masked.seen))
        return self._loss(logits, masked), Guessed(logits, masked, first(batch.inputs))

    def _hidden(self, batch: Batch) -> Masked:
        special = self._tokenizer.special
        size = self._tokenizer.size
        return hide(first(batch.inputs), self._section, special["mask"], len(special), size)

    def _loss(self, logits: Tensor, masked: Masked) -> Tensor:
        return self.loss_of(logits.flatten(0, 1), masked.truth.flatten())

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        # slow to import: see worker.metrics
        if name == "masked_accuracy":
            from torchmetrics.classification import MulticlassAccuracy

            arguments = {"average": "micro", **arguments}
            return MulticlassAccuracy(
                num_classes=self.info.vocab, ignore_index=_IGNORED, **arguments
            )
        from torchmetrics.text import Perplexity

        return Perplexity(ignore_index=_IGNORED, **arguments)

    def update_metric(self, name: str, metric: Metric, outputs: Guessed, batch: Batch) -> None:
        logits = outputs.logits
        guess = logits.argmax(-1) if name.startswith("masked_accuracy") else logits.float()
        metric.update(guess, outputs.masked.truth)

    def collector(self, part: str) -> Collector:
        return HiddenTexts(part, self._tokenizer)


class HiddenTexts:
    """The first texts of a part: as the network saw them, as they are, and as it guessed."""

    def __init__(self, part: str, tokenizer: Tokenizer):
        self._part = part
        self._tokenizer = tokenizer
        self._rows: list[list[str]] = []
        self._good: list[bool] = []

    def update(self, outputs: Guessed, batch: Batch) -> None:
        rows, width = _SHOWN_ROWS - len(self._rows), _SHOWN_TOKENS
        if rows <= 0:
            return
        mask = self._tokenizer.special["mask"]
        tokens = outputs.tokens[:rows, :width].cpu()
        truth = outputs.masked.truth[:rows, :width].cpu()
        guess = outputs.logits[:rows, :width].argmax(-1).cpu()
        asked = truth != _IGNORED
        # Replaced and kept tokens are to be guessed as well: blocks show all that is asked.
        seen = tokens.masked_fill(asked, mask)
        answer = torch.where(asked, guess, tokens)
        for texts in zip(seen, tokens, answer, strict=True):
            self._rows.append([self._tokenizer.decode(text) for text in texts])
        self._good += ((guess == truth) | ~asked).all(1).tolist()

    def publish(self, artefacts: Artefacts) -> None:
        title = f"hidden tokens of {self._part}"
        artefacts.pairs(title, ("hidden", "truth", "output"), self._rows, self._good)


TASK = MaskedTokenTask
