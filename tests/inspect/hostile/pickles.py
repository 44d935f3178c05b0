"""Pickles written by hand, and the files that they come in."""

import zipfile
from pathlib import Path

_BEFORE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."


def zipped(path: Path, pickle: bytes, how: int = zipfile.ZIP_STORED, /, **members: bytes) -> Path:
    """As torch.save since 1.6 has it."""
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("a/data.pkl", pickle)
        for name, data in members.items():
            archive.writestr(f"a/{name}", data)
    return path


def legacy(path: Path, pickle: bytes) -> Path:
    """As torch.save before 1.6 has it, without storages."""
    path.write_bytes(_BEFORE + pickle + b"\x80\x02].")
    return path


def text(value: str) -> bytes:
    """The opcode that pushes a text."""
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def number(value: int) -> bytes:
    """The opcode that pushes a number."""
    data = value.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + data


def numbers(*values: int) -> bytes:
    """The opcodes that push a tuple of numbers."""
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(
    shape: tuple[int, ...], stride: tuple[int, ...], *, offset: int = 0, elements: int = 4
) -> bytes:
    """The opcodes that rebuild a float32 tensor on storage `data/0`."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
    storage += number(elements) + b"tQ"
    arguments = b"(" + storage + number(offset) + numbers(*shape) + numbers(*stride) + b"\x89)t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"
