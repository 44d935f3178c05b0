"""From a recipe's `data:` section to its facts and to its batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.graph.plugins import load_plugins
from dltui.recipe.data_info import DataInfo
from dltui.recipe.nodes import KeyPath
from dltui.recipe.schema.data import DataSection, PluginData
from dltui.recipe.tree import Location
from dltui.worker.data import statistics
from dltui.worker.data.batches import Batches, Say
from dltui.worker.data.dividing import divided, divided_sizes, division
from dltui.worker.data.example import Example, decoded_example
from dltui.worker.data.examples import Examples
from dltui.worker.data.normalising import preparation_of
from dltui.worker.data.prepare import Preparation
from dltui.worker.data.sources.by_type import source_of
from dltui.worker.data.sources.loaded import Loaded, Outline
from dltui.worker.data.tokenizer import Tokenizer, save_tokenizer

if TYPE_CHECKING:
    from dltui.recipe import Recipe

_RESIDENT_BYTES = 2 << 30
"""`on_device: auto` keeps sets up to this size in an accelerator's memory."""


class HasData(Protocol):
    """What of a recipe is read here."""

    @property
    def data(self) -> DataSection: ...
    @property
    def task(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Data:
    """An opened data set. The batches live on `device`.

    `class_weights` `(C,)` are for `balanced`; `target_mean` and `target_std` `(T,)` are of the
    training part's numbers.
    """

    info: DataInfo
    train: Batches
    val: Batches | None
    test: Batches | None
    tokenizer: Tokenizer | None
    class_weights: Tensor | None
    target_mean: Tensor | None
    target_std: Tensor | None
    parts: dict[str, Examples]
    loaded: Loaded
    preparation: Preparation
    """What the networks see of an example: scale and normalisation, on the CPU."""

    def decode_example(self, part: str, index: int) -> Example:
        """Example `index` of `train`, `val` or `test` as a person looks at it."""
        return decoded_example(self.parts[part], self.loaded, index)

    def save(self, folder: Path) -> None:
        """Writes what sampling needs beside the weights: `tokenizer.json`, if there is one."""
        if self.tokenizer is not None:
            save_tokenizer(self.tokenizer, folder / "tokenizer.json")

    def close(self) -> None:
        """Ends the loader processes."""
        for batches in (self.train, self.val, self.test):
            if batches is not None:
                batches.close()


def describe(recipe: HasData) -> DataInfo:
    """The facts of a recipe's data, as cheaply as they can be had: nothing is downloaded.

    Raises `DataError` where the data is missing, broken or does not fit the task.
    """
    with _placed(recipe):
        return _described(recipe)


def _described(recipe: HasData) -> DataInfo:
    section = recipe.data
    outline = _outline(recipe)
    if outline.divided:
        sizes = {name: min(size, section.limit or size) for name, size in outline.sizes.items()}
        return _with_sizes(outline.info, sizes, outline.info.notes)
    if not outline.sizes:  # of a folder that is not there yet
        return outline.info
    notes = outline.info.notes + division(section, outline.sizes).notes
    return _with_sizes(outline.info, divided_sizes(section, outline.sizes), notes)


def open_data(
    recipe: HasData,
    *,
    seed: int,
    device: torch.device | str,
    say: Say | None = None,
    share: tuple[int, int] = (0, 1),
) -> Data:
    """Reads the data, divides it, and makes the batches of every part on `device`.

    `seed` decides order and augmentation; `say` gets lines about downloads and skipped files.
    `share` `(rank, size)` says which part of each training batch this process is to get.
    Raises `DataError`.
    """
    with _placed(recipe):
        return _opened(recipe, seed, torch.device(device), say, share)


def _opened(
    recipe: HasData, seed: int, device: torch.device, say: Say | None, share: tuple[int, int]
) -> Data:
    section = recipe.data
    loaded = _read(recipe, say)
    parts = divided(section, loaded)
    train = parts["train"]
    preparation = preparation_of(section, loaded, train)
    batches = {
        name: _batches(section, examples, preparation, name, seed, device, say, share)
        for name, examples in parts.items()
    }
    info = _with_sizes(
        loaded.outline.info,
        {name: len(examples) for name, examples in parts.items()},
        loaded.outline.info.notes
        + loaded.notes
        + (() if loaded.divided else division(section, loaded.parts).notes)
        + statistics.absence_notes(loaded.outline.info, parts),
    )
    mean, std = statistics.target_statistics(info, train)
    return Data(
        info=info,
        train=batches["train"],
        val=batches.get("val"),
        test=batches.get("test"),
        tokenizer=loaded.tokenizer,
        class_weights=statistics.balanced_weights(info, train),
        target_mean=mean,
        target_std=std,
        parts=parts,
        # Without the undivided examples, whose memory is free once the parts are made.
        loaded=replace(loaded, parts={}),
        preparation=preparation.without_augmentation(),
    )


@contextmanager
def _placed(recipe: HasData) -> Iterator[None]:
    """Puts file, line and column before the key that a `DataError` names."""
    try:
        yield
    except DataError as error:
        if isinstance(recipe, _KnowsPlaces) and (error.where or "").startswith(("data.", "task.")):
            keys = str(error.where).split(".")
            error.key = tuple(int(key) if key.isdigit() else key for key in keys)
            error.where = f"{recipe.where(error.key)}: {error.where}"
        raise


@runtime_checkable
class _KnowsPlaces(Protocol):
    """A recipe that was read from a file."""

    def where(self, path: KeyPath) -> Location: ...


def _outline(recipe: HasData) -> Outline:
    _load_plugins(recipe)
    return source_of(recipe.data).outline(recipe.data, recipe.task.type)


def _read(recipe: HasData, say: Say | None) -> Loaded:
    _load_plugins(recipe)
    return source_of(recipe.data).read(recipe.data, recipe.task.type, say)


def _load_plugins(recipe: HasData) -> None:
    if isinstance(recipe.data, PluginData):
        load_plugins(cast("Recipe", recipe))


def _batches(
    section: DataSection,
    examples: Examples,
    preparation: Preparation,
    part: str,
    seed: int,
    device: torch.device,
    say: Say | None,
    share: tuple[int, int],
) -> Batches:
    training = part == "train"
    return Batches(
        examples,
        preparation if training else preparation.without_augmentation(),
        part=part,
        batch_size=section.batch_size
        if training
        else section.eval_batch_size or 4 * section.batch_size,
        seed=seed,
        device=device,
        shuffle=training,
        on_device=_fits(section, examples, device),
        workers=section.workers,
        say=say,
        share=share if training else (0, 1),
    )


def _fits(section: DataSection, examples: Examples, device: torch.device) -> bool:
    if section.on_device != "auto":
        return section.on_device
    return device.type == "cpu" or examples.size_bytes <= _RESIDENT_BYTES


def _with_sizes(info: DataInfo, sizes: dict[str, int], notes: tuple[str, ...]) -> DataInfo:
    return replace(
        info,
        train_size=sizes.get("train"),
        val_size=sizes.get("val"),
        test_size=sizes.get("test"),
        notes=notes,
    )
