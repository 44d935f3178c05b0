"""The spectrum of a weight matrix: singular values, ranks, and the power law of its tail.

Computed by a child process, which can be stopped at any moment and takes its memory with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dltui.errors import CheckpointError

TIMEOUT_S = 120.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Of a tensor as the matrix (rows, columns) that its layer multiplies with."""

    rows: int
    columns: int
    singular_values: tuple[float, ...]
    """Largest first; not all of them where `complete` is false."""
    complete: bool
    method: str
    """How they were found, and so how exact they are."""
    frobenius_norm: float
    stable_rank: float
    """‖A‖²_F / σ₁² (Rudelson & Vershynin, 2007); 0 for a matrix of zeros."""
    effective_rank: float | None
    """exp(−Σ pᵢ ln pᵢ) with pᵢ = σᵢ / Σ σ (Roy & Vetterli, 2007); None where not all are known."""
    alpha: float | None
    """Exponent of the power law of the eigenvalues σ², see `power_law.py`; None without a tail."""
    alpha_tail: int
    """How many eigenvalues the power law is about."""
    alpha_distance: float | None
    """How far they are from it: Kolmogorov-Smirnov, 0 to 1."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def spectrum(
    path: Path,
    tensor_name: str,
    timeout_s: float = TIMEOUT_S,
    cancelled: Callable[[], bool] | None = None,
) -> Spectrum | None:
    """The spectrum of one tensor of a checkpoint; None if `cancelled` said so in between.

    Raises CheckpointError where the tensor is no matrix of finite numbers or too large, where the
    file cannot be read, and if it takes longer than `timeout_s`.
    """
    command = [sys.executable, "-m", "dltui.inspect.spectrum_process", str(path), tensor_name]
    end = time.monotonic() + timeout_s
    # The child ends with this process, however that ends: nobody else holds the pipe open.
    its_end, our_end = os.pipe()
    try:
        process = subprocess.Popen(
            command, stdin=its_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError:
        os.close(our_end)
        raise
    finally:
        os.close(its_end)
    with process as child:
        try:
            while True:
                try:
                    out, errors = child.communicate(timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    if cancelled is not None and cancelled():
                        return None
                    if time.monotonic() > end:
                        raise CheckpointError(
                            f"the spectrum of {tensor_name!r} takes longer than {timeout_s:g} s",
                            where=str(path),
                        ) from None
        finally:
            child.kill()
            os.close(our_end)
    return _answer(path, tensor_name, child.returncode, out, errors)


def _answer(path: Path, tensor_name: str, code: int, out: bytes, errors: bytes) -> Spectrum:
    try:
        found = json.loads(out)
    except ValueError:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise CheckpointError(
            f"the process for the spectrum of {tensor_name!r} ended with code {code}: {last}",
            where=str(path),
            remedy="there may be too little memory for it",
        ) from None
    if "error" in found:
        raise CheckpointError(found["error"], where=found["where"], remedy=found["remedy"])
    return Spectrum(**{**found, "singular_values": tuple(found["singular_values"])})
