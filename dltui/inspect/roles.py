"""What tensors are for, told by their names: buffers among parameters, and order among names."""

from __future__ import annotations

import re

from dltui.inspect.contents import Tensor

BUFFER_NAMES = frozenset(
    {
        *("running_mean", "running_var", "num_batches_tracked"),
        *("moving_mean", "moving_variance", "seed_generator_state"),
        *("position_ids", "token_type_ids", "inv_freq", "cos_cached", "sin_cached"),
        *("relative_position_index", "relative_coords_table", "attn_mask", "masked_bias"),
        *("causal_mask", "mask", "n_averaged", "_extra_state", "ddim_sigmas"),
    }
)
"""Last parts of the names that torch, keras and transformers give to what is not trained."""

_NUMBER = re.compile(r"\d+")


def is_buffer(tensor: Tensor) -> bool:
    """Whether it is kept with the model but not trained: running statistics, masks, counters.

    The file's own word counts first; else the last part of the name, and truth values.
    """
    if tensor.kind:
        return tensor.kind == "buffer"
    return tensor.name.rpartition(".")[2] in BUFFER_NAMES or tensor.dtype == "bool"


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """Sorts `layer2` before `layer10`."""
    if name.isdecimal():
        return (("", int(name[:18])),)
    texts = _NUMBER.split(name)
    numbers = [int(digits[:18]) for digits in _NUMBER.findall(name)]
    return tuple(zip(texts, [*numbers, -1], strict=True))
