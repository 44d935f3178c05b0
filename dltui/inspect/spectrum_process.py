"""`python -m dltui.inspect.spectrum_process PATH TENSOR`: one spectrum, as JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dltui.errors import CheckpointError
from dltui.inspect.opening import open_checkpoint
from dltui.inspect.power_law import power_law
from dltui.inspect.singular_values import SingularValues, singular_values
from dltui.inspect.spectrum import Spectrum
from dltui.inspect.values import Values


def spectrum_of(path: Path, tensor_name: str) -> Spectrum:
    """Raises CheckpointError as `spectrum.spectrum` does."""
    checkpoint = open_checkpoint(path)
    named = [tensor for tensor in checkpoint.tensors if tensor.name == tensor_name]
    if not named:
        raise CheckpointError(f"there is no tensor {tensor_name!r}", where=str(path))
    with Values(checkpoint) as values:
        return described(singular_values(values, named[0]))


def described(found: SingularValues) -> Spectrum:
    """Ranks and power law of singular values."""
    sigma = found.values
    largest = float(sigma[0])
    law = power_law(np.square(sigma)) if largest else None
    total = float(sigma.sum())
    effective = None
    if found.complete and total:
        shares = sigma[sigma > 0] / total
        effective = float(np.exp(-(shares * np.log(shares)).sum()))
    return Spectrum(
        rows=found.shape[0],
        columns=found.shape[1],
        singular_values=tuple(float(each) for each in sigma),
        complete=found.complete,
        method=found.method,
        frobenius_norm=found.squared_norm**0.5,
        stable_rank=found.squared_norm / (largest * largest) if largest else 0.0,
        effective_rank=effective,
        alpha=law.alpha if law else None,
        alpha_tail=law.tail if law else 0,
        alpha_distance=law.distance if law else None,
    )


def main(arguments: list[str]) -> None:
    """Prints the spectrum, or what went wrong; ends at once where stdin does."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    answer: dict[str, Any]
    try:
        answer = asdict(spectrum_of(Path(arguments[0]), arguments[1]))
    except CheckpointError as error:
        answer = {"error": error.message, "where": error.where, "remedy": error.remedy}
    json.dump(answer, sys.stdout)


def _leave_with_parent() -> None:
    """Whoever asked is gone: nobody reads the answer."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
