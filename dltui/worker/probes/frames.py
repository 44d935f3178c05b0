"""Results on the host, per tensor, become frames per layer for the run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import nn

from dltui.runs.buckets import BUCKETS, nonfinite
from dltui.worker.probes.activations import STATISTICS
from dltui.worker.probes.layers import Layer
from dltui.worker.probes.norms import UPDATE_ELEMENTS
from dltui.worker.probes.transfer import Arrays


class Frames:
    """Builds the `layers`, `activations` and `histograms` frames and gives them to `sink`.

    Histograms are of parameters with two dimensions or more (all, where there are none such), at
    most `max_histograms` of them, evenly spread over the model.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        sink: Callable[[str, int, Arrays, dict[str, Any]], None],
        max_histograms: int,
    ):
        self._sink = sink
        self._layers = layers
        self._names = [layer.name for layer in layers]
        parameters = [(i, p) for i, layer in enumerate(layers) for _, p in layer.parameters]
        self._layer_of = np.array([i for i, _ in parameters], dtype=np.int64)
        self._update_scale = np.array([_update_scale(p.numel()) for _, p in parameters])
        named = [(name, p) for layer in layers for name, p in layer.parameters]
        wide = [(name, p) for name, p in named if p.dim() > 1] or named
        self.histogram_parameters: dict[str, nn.Parameter] = dict(
            wide[:: max(1, -(-len(wide) // max_histograms))]
        )

    def norms(
        self, step: int, present: Sequence[int], trained: Sequence[int], parts: Arrays
    ) -> None:
        """`parts` are norms per tensor: of all weights, and of the gradients that are `present`
        and the updates of those `trained` (numbers of the tensors).
        """
        everywhere = range(len(self._layer_of))
        gradient = self._by_layer(present, parts.get("gradients"))
        weight = self._by_layer(everywhere, parts["weights"])
        trained_weight = self._by_layer(trained, parts["weights"][list(trained)])
        updates = parts.get("updates")
        if updates is not None:
            updates = updates * self._update_scale[list(trained)]
        update = self._by_layer(trained, updates)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(trained_weight > 0, update / trained_weight, np.nan)
        broken = self._count(present, parts.get("gradients"))
        broken += self._count(everywhere, parts["weights"])
        frozen = [layer.frozen for layer in self._layers]
        missing = [
            bool(np.isnan(norm)) and not has and not still
            for norm, has, still in zip(gradient, self._has(present), frozen, strict=True)
        ]
        self._sink(
            "layers",
            step,
            {
                "grad_norm": gradient.astype(np.float32),
                "weight_norm": weight.astype(np.float32),
                "update_ratio": ratio.astype(np.float32),
                "nonfinite": broken,
            },
            {"layers": self._names, "frozen": frozen, "without_gradient": missing},
        )

    def distributions(
        self,
        step: int,
        observed: Sequence[tuple[str, str]],
        gradients: Sequence[str],
        histograms: bool,
        parts: Arrays,
    ) -> None:
        """`observed` are (activation module, layer before it); the counts are `(n, BUCKETS)`."""
        none = np.zeros((0, BUCKETS), dtype=np.uint32)
        counts = {
            kind: parts[kind].astype(np.uint32) if kind in parts else none
            for kind in ("weights", "gradients", "activations")
        }
        names = [name for name, _ in observed]
        if observed:
            arrays: Arrays = dict(zip(STATISTICS, parts["statistics"].T, strict=True))
            arrays["nonfinite"] = np.add(*nonfinite(counts["activations"]))
            after = [layer for _, layer in observed]
            self._sink("activations", step, arrays, {"layers": names, "after": after})
        if histograms:
            weights = list(self.histogram_parameters)
            meta = {"weights": weights, "gradients": list(gradients), "activations": names}
            self._sink("histograms", step, counts, meta)

    def _by_layer(
        self, tensors: Sequence[int], values: np.ndarray[Any, Any] | None
    ) -> np.ndarray[Any, Any]:
        """Norms of tensors combined per layer, float64 (L,); NaN for a layer with none of them."""
        squares = np.zeros(len(self._layers))
        if values is not None and len(tensors):
            np.add.at(squares, self._layer_of[list(tensors)], values.astype(np.float64) ** 2)
        return np.where(self._has(tensors), np.sqrt(squares), np.nan)

    def _has(self, tensors: Sequence[int]) -> np.ndarray[Any, Any]:
        has = np.zeros(len(self._layers), dtype=bool)
        has[self._layer_of[list(tensors)]] = True
        return has

    def _count(
        self, tensors: Sequence[int], values: np.ndarray[Any, Any] | None
    ) -> np.ndarray[Any, Any]:
        """How many of a layer's tensors hold NaN or infinity, int64 (L,)."""
        count = np.zeros(len(self._layers), dtype=np.int64)
        if values is not None and len(tensors):
            np.add.at(count, self._layer_of[list(tensors)], ~np.isfinite(values))
        return count


def _update_scale(elements: int) -> float:
    """What makes the norm of an evenly spaced part stand for the whole tensor."""
    if elements <= UPDATE_ELEMENTS:
        return 1.0
    spacing = -(-elements // UPDATE_ELEMENTS) | 1
    return float(np.sqrt(elements / -(-elements // spacing)))
