"""What tasks that make examples anew ask of the data and of their networks."""

from __future__ import annotations

from math import prod

from dltui.errors import DataError
from dltui.recipe.data_info import DataInfo

Latent = int | list[int]


def need_numbers(info: DataInfo, task: str) -> None:
    """Raises DataError where the examples are tokens rather than numbers."""
    if info.dtype == "float32":
        return
    error = DataError(
        f"the task {task} makes pictures and tables, and this data is text",
        where="task.type",
        remedy="Use the task next_token, or data of numbers.",
    )
    error.key = ("task", "type")
    raise error


def latent_shape(latent: Latent) -> tuple[int, ...]:
    """The shape of one code, without the batch."""
    return (latent,) if isinstance(latent, int) else tuple(latent)


def latent_size(latent: Latent) -> int:
    """Numbers in one code."""
    return prod(latent_shape(latent))
