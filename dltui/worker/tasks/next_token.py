"""The next token of a text, and text sampled from what was learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.recipe.tasks.next_token import NextToken, Sampling
from dltui.worker.losses import class_loss
from dltui.worker.tasks.base import Supervised
from dltui.worker.tasks.classify import chosen_weights

if TYPE_CHECKING:
    from torchmetrics import Metric

    from dltui.worker.artefacts import Artefacts
    from dltui.worker.data import Data
    from dltui.worker.networks import Networks


class NextTokenTask(Supervised):
    """Logits `(N, T, V)`, targets `(N, T)`: the token that follows each position."""

    def prepare(self, data: Data, device: torch.device) -> None:
        assert isinstance(self.recipe.task, NextToken)
        section = self.recipe.task.loss
        wanted, vocab = section.class_weights, self.info.vocab or 0
        weights = chosen_weights(self.recipe, "class_weights", wanted, vocab, data)
        self.loss_of = class_loss(section, None if weights is None else weights.to(device))
        self._sampling = self.recipe.task.sample

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of(outputs.flatten(0, 1), targets.flatten())

    def metric(self, name: str, arguments: dict[str, Any]) -> Metric:
        # slow to import: see worker.metrics
        if name == "token_accuracy":
            from torchmetrics.classification import MulticlassAccuracy

            arguments = {"average": "micro", **arguments}
            return MulticlassAccuracy(num_classes=self.info.vocab, **arguments)
        from torchmetrics.text import Perplexity

        return Perplexity(**arguments)

    def metric_inputs(self, name: str, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if name.startswith("token_accuracy"):
            return outputs.argmax(-1), targets
        return outputs.float(), targets

    def settable(self) -> Mapping[str, Any]:
        return {} if self._sampling is None else {"temperature": self._sampling.temperature}

    def set(self, name: str, value: object) -> None:
        """The temperature of the texts sampled from now on."""
        if name != "temperature" or self._sampling is None:
            super().set(name, value)
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
            raise ValueError(f"temperature must be a number from 0 to 10, not {value!r}")
        self._sampling = self._sampling.model_copy(update={"temperature": float(value)})

    def state(self) -> dict[str, Any]:
        return dict(self.settable())

    def load_state(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            self.set(name, value)

    def after_evaluation(self, networks: Networks, data: Data, out: Artefacts) -> None:
        """Write `text.json` with `count` texts that follow the prompt."""
        assert isinstance(self.recipe.task, NextToken)
        section = self._sampling
        tokenizer = data.tokenizer
        if section is None or tokenizer is None:
            return
        context = self.info.context or self.info.shape[0]
        seed = self.recipe.trainer.seed * 1_000_003 + out.step
        texts = []
        for number in range(section.count):
            generator = torch.Generator().manual_seed(seed + number)
            prompt = tokenizer.encode(section.prompt).tolist() or [0]
            tokens = sample_tokens(networks.main, prompt, context, section, generator, out.device)
            texts.append(tokenizer.decode(tokens[len(prompt) :]))
        out.text(section.prompt, section.temperature, texts)


def sample_tokens(
    forward: Callable[[Tensor], Tensor],
    prompt: list[int],
    context: int,
    section: Sampling,
    generator: torch.Generator,
    device: torch.device,
) -> list[int]:
    """`prompt` and `section.length` more tokens, each drawn from the softmax at `temperature`.

    Temperature 0 takes the likeliest. The model always sees `(1, context)` tokens, padded on the
    right, which a causal model does not look at: one shape, whatever the layers.
    """
    tokens = list(prompt)
    window = torch.zeros(1, context, dtype=torch.int64)
    for _ in range(section.length):
        seen = tokens[-context:]
        window[0, : len(seen)] = torch.tensor(seen)
        logits = forward(window.to(device))[0, len(seen) - 1].float().cpu()
        tokens.append(_draw(logits, section, generator))
    return tokens


def _draw(logits: Tensor, section: Sampling, generator: torch.Generator) -> int:
    if section.temperature == 0:
        return int(logits.argmax())
    if section.top_k is not None and section.top_k < len(logits):
        lowest = logits.topk(section.top_k).values[-1]
        logits = logits.masked_fill(logits < lowest, -torch.inf)
    chances = (logits / section.temperature).softmax(0)
    return int(torch.multinomial(chances, 1, generator=generator))


TASK = NextTokenTask
