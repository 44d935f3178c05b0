"""ROUGE as one number (Lin 2004, https://aclanthology.org/W04-1013)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchmetrics import Metric


def rouge_score(kind: str = "L") -> Metric:
    """A metric of pairs of texts: the mean F-measure of ROUGE-`kind`.

    `L` goes by the longest common subsequence, `1` to `4` by n-grams. Lsum is left out: it needs
    data that nltk downloads.
    """
    from torch import Tensor
    from torchmetrics.text import ROUGEScore  # slow to import: see worker.metrics

    class FMeasure(ROUGEScore):
        def compute(self) -> Tensor:  # type: ignore[override]
            return super().compute()[f"rouge{kind}_fmeasure"]

    return FMeasure(rouge_keys=f"rouge{kind}")
