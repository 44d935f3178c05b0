"""From a path to an opened checkpoint: the format is told by content, never by the name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from dltui.errors import CheckpointError
from dltui.inspect.budget import Budget
from dltui.inspect.checks import quoted
from dltui.inspect.contents import Checkpoint
from dltui.inspect.source import Source

HEAD_BYTES = 4096
"""How much of a file the formats may look at to say whether it is theirs."""

FILE_FORMATS: tuple[str, ...] = (
    "safetensors",
    *("torch_zip", "torchscript", "pt2", "torch_legacy"),
    *("keras", "npz", "npy", "gguf", "hdf5", "onnx", "plain_pickle"),
)
"""Modules of `formats/` for single files, in the order in which they are asked: what is imported
quickest stands first."""

FOLDER_FORMATS: tuple[str, ...] = ("sharded", "distributed", "run_folder", "hugging_face")
"""Modules of `formats/` for folders, and for files that list others, in the order of asking."""

_ENDINGS = {
    *(".safetensors", ".pt", ".pth", ".ckpt", ".bin"),
    *(".gguf", ".onnx", ".npz", ".npy", ".keras", ".h5"),
}
"""Of files that a message about their folder names; nothing is told by them."""

_ZIP = b"PK"
_MARKS: Mapping[str, tuple[int, bytes]] = {
    **dict.fromkeys(("torchscript", "pt2", "torch_zip", "keras", "npz"), (0, _ZIP)),
    "safetensors": (8, b"{"),
    "npy": (0, b"\x93NUMPY"),
    "gguf": (0, b"GGUF"),
    "onnx": (0, b"\x08"),
    "plain_pickle": (0, b"\x80"),
}
"""What stands at a place of all files of a format: only where it does the module is imported."""


class FileFormat(Protocol):
    """What a module of `formats/` for files offers."""

    def sniff(self, head: bytes, source: Source) -> bool:
        """Whether the file begins as this format does; `head` is its first `HEAD_BYTES`."""
        ...

    def read(self, source: Source) -> Checkpoint:
        """Everything but the values. Raises CheckpointError on a damaged or hostile file."""
        ...


class FolderFormat(Protocol):
    """What a module of `formats/` for folders offers."""

    def sniff_folder(self, path: Path) -> bool:
        """Whether this folder (or file that lists others) is of this format."""
        ...

    def read_folder(self, path: Path) -> Checkpoint:
        """Everything but the values. Raises CheckpointError."""
        ...


def open_checkpoint(path: Path) -> Checkpoint:
    """Names, shapes, types and places of all tensors of a file or folder, and what else it says.

    Raises CheckpointError if it is missing, cannot be read, is damaged or not a checkpoint.
    """
    is_folder = os.path.isdir(path)
    if is_folder and not os.access(path, os.R_OK | os.X_OK):
        raise CheckpointError("cannot be read: Permission denied", where=str(path))
    if is_folder or not _is_single(path):
        for name in FOLDER_FORMATS:
            folder_format = cast(FolderFormat, import_module(f"dltui.inspect.formats.{name}"))
            if folder_format.sniff_folder(path):
                return folder_format.read_folder(path)
    if is_folder:
        raise CheckpointError(
            "this folder holds several files and is no checkpoint as a whole"
            if (names := _files_to_name(path))
            else "there is no checkpoint in this folder",
            where=str(path),
            remedy=names or "name a file, or a folder of Hugging Face, torch.distributed or dltui",
        )
    return open_file(path)


def _is_single(path: Path) -> bool:
    """Whether a file begins as no list of others does: an archive, or a header with its length.

    Raises CheckpointError if it cannot be read.
    """
    with Source(path) as source:
        head = source.read(0, min(16, source.size))
    return head.startswith(_ZIP) or (head[8:9] == b"{" and not head.lstrip().startswith(b"{"))


def open_file(path: Path, within: Budget | None = None) -> Checkpoint:
    """The same for what can only be a single file: a shard, or the weights in a folder.

    `within` is the memory that it may take together with other files.
    """
    with Source(path, within) as source:
        head = source.read(0, min(HEAD_BYTES, source.size))
        for name in FILE_FORMATS:
            at, mark = _MARKS.get(name, (0, b""))
            if not head.startswith(mark, at):
                continue
            file_format = cast(FileFormat, import_module(f"dltui.inspect.formats.{name}"))
            if file_format.sniff(head, source):
                found = file_format.read(source)
                source.check_unchanged()
                return found
        if head.startswith(_ZIP):
            import_module("dltui.inspect.zip_archive").check_directory(source)
    raise CheckpointError(
        "this file is empty" if not head else "this is no checkpoint of a format known here",
        where=str(path),
        remedy="Known: PyTorch, safetensors, Hugging Face folders, GGUF, Keras, HDF5, ONNX, numpy, "
        "Python pickles, runs of dltui.",
    )


def _files_to_name(folder: Path) -> str | None:
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _ENDINGS)
    if not names:
        return None
    some = ", ".join(quoted(name)[1:-1] for name in names[:3])
    return f"Name one of its files: {some}{', …' if len(names) > 3 else ''}."
