"""Images by class with captions in words, made from templates: pairs for contrastive training."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dltui.errors import DataError
from dltui.recipe.data_info import InputInfo
from dltui.recipe.schema.data import BuiltinData, CaptionsData, FolderData
from dltui.worker.data.batches import Say
from dltui.worker.data.examples import Examples, Raw
from dltui.worker.data.seeds import seed_of
from dltui.worker.data.sources.by_type import source_of
from dltui.worker.data.sources.loaded import Loaded, Outline, check_task
from dltui.worker.data.tensors import first
from dltui.worker.data.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer

_PADDING = "\0"
_SHARED_FIELDS = ("split", "kfold", "limit", "on_device", "batch_size")


class Captioned:
    """Images `(N, C, H, W)` as `image` and tokens `(N, context)` as `text`; targets are classes.

    `captions` `(templates, classes, context)` has every text there is. While training each example
    gets another template each epoch; else they take turns.
    """

    def __init__(self, images: Examples, captions: Tensor) -> None:
        self.images = images
        self.captions = captions

    def __len__(self) -> int:
        return len(self.images)

    @property
    def targets(self) -> Tensor | None:
        return self.images.targets

    def take(self, indices: Tensor) -> Captioned:
        return Captioned(self.images.take(indices), self.captions)

    def fetch(self, indices: Tensor, epoch_seed: int | None) -> Raw:
        raw = self.images.fetch(indices, epoch_seed)
        drawn = indices
        if epoch_seed is not None:
            order = torch.Generator().manual_seed(seed_of(epoch_seed, "captions"))
            numbers = torch.randint(len(self.captions), (len(self),), generator=order)
            drawn = numbers.to(indices.device)[indices]
        text = self.captions[drawn % len(self.captions), raw.targets]
        inputs = {"image": first(raw.inputs), "text": text}
        return Raw(inputs, raw.targets, raw.kept, raw.broken)

    def to(self, device: torch.device) -> Captioned | None:
        images = self.images.to(device)
        return None if images is None else Captioned(images, self.captions.to(device))

    @property
    def size_bytes(self) -> int:
        return self.images.size_bytes + self.captions.nbytes


def outline(section: CaptionsData, task: str) -> Outline:
    """The images' outline with captions beside them."""
    inner = _images(section)
    return _with_captions(section, source_of(inner).outline(inner, "classify"), task)


def read(section: CaptionsData, task: str, say: Say | None = None) -> Loaded:
    """The images, and every caption as tokens."""
    inner = _images(section)
    loaded = source_of(inner).read(inner, "classify", say)
    known = _with_captions(section, loaded.outline, task)
    tokenizer = _tokenizer(section)
    tables = [
        _tokens(section, number, known.info.class_names, tokenizer)
        for number in range(len(section.templates))
    ]
    captions = torch.stack(tables)
    parts = {name: Captioned(part, captions) for name, part in loaded.parts.items()}
    return replace(loaded, outline=known, parts=parts, tokenizer=tokenizer)


def padded_tokens(texts: Sequence[str], tokenizer: Tokenizer, context: int) -> Tensor:
    """`(texts, context)` int64, padded with 0 behind.

    Raises ValueError, in words for the user, where a text is empty or longer than `context`.
    """
    rows = torch.zeros(len(texts), context, dtype=torch.int64)
    for row, text in zip(rows, texts, strict=True):
        tokens = tokenizer.encode(text)
        if not 0 < len(tokens) <= context:
            raise ValueError(f"{text!r} has {len(tokens)} tokens, and {context} fit")
        row[: len(tokens)] = tokens
    return rows


def _images(section: CaptionsData) -> BuiltinData | FolderData:
    shared = {key: getattr(section, key) for key in _SHARED_FIELDS}
    if section.path is None:
        return BuiltinData(type="builtin", name="digits", **shared)
    asked = {key: getattr(section, key) for key in ("path", "size", "channels", "classes")}
    return FolderData(type="folder", **asked, **shared)


def _tokenizer(section: CaptionsData) -> Tokenizer:
    if section.tokenizer == "byte":
        return ByteTokenizer()
    # All that is usually typed, so that prompts may say what no caption did. The lowest code
    # point is token 0, which no text holds: padding.
    words = "".join([*section.templates, *(section.names or ())])
    return CharTokenizer(_PADDING + string.printable + words)


def _with_captions(section: CaptionsData, found: Outline, task: str) -> Outline:
    names = tuple(section.names) if section.names is not None else found.info.class_names
    if len(names) != found.info.classes:
        raise DataError(
            f"there are {found.info.classes} classes and {len(names)} names",
            where="data.names",
            remedy=f"Name every class in order: {', '.join(found.info.class_names[:5])}, …",
        )
    tokenizer = _tokenizer(section)
    for number in range(len(section.templates)):
        _tokens(section, number, names, tokenizer)
    shape = found.info.shape
    inputs = (
        InputInfo("image", shape, "float32"),
        InputInfo("text", (section.context,), "int64"),
    )
    info = replace(
        found.info,
        class_names=names,
        vocab=tokenizer.size,
        context=section.context,
        inputs=inputs,
    )
    check_task(info, task, "images with captions")
    return Outline(info, found.sizes)


def _tokens(
    section: CaptionsData, number: int, names: Sequence[str], tokenizer: Tokenizer
) -> Tensor:
    template, where = section.templates[number], f"data.templates.{number}"
    if "{}" not in template:
        raise DataError(
            f"{template!r} leaves no place for the class's name",
            where=where,
            remedy='Write {} there: "a photo of a {}".',
        )
    try:
        texts = [template.replace("{}", name) for name in names]
        return padded_tokens(texts, tokenizer, section.context)
    except ValueError as error:
        raise DataError(str(error), where=where, remedy="Set data.context higher.") from error
