"""Diagnostics of a training model: gradient, weight and activation statistics within a budget."""

from dltui.worker.probes.nonfinite import locate_nonfinite
from dltui.worker.probes.probes import ArraySink, Probes

__all__ = ["ArraySink", "Probes", "locate_nonfinite"]
