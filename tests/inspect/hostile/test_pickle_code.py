"""Whatever a pickle asks to be run, nothing is: a canary would show it.

Each attack is first read by Python itself in a process of its own, to see that it is one.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint
from tests.inspect.hostile.pickles import legacy, text, zipped

SYSTEM = b"cos\nsystem\n"
TUPLE_OF_MAP = b"\x80\x04cbuiltins\ntuple\ncbuiltins\nmap\n" + SYSTEM + b"("


def object_with(method: str, use: bytes) -> Callable[[bytes], bytes]:
    """An object whose method is `os.system`, and an opcode that calls it."""
    made = b"ctypes\nSimpleNamespace\n)\x81}" + text(method) + SYSTEM + b"sb"
    return lambda command: made + use.replace(b"@", command)


ATTACKS: dict[str, Callable[[bytes], bytes | tuple[bytes, ...]]] = {
    "REDUCE": lambda c: SYSTEM + b"(" + c + b"tR.",
    "REDUCE of a short tuple": lambda c: SYSTEM + c + b"\x85R.",
    "STACK_GLOBAL": lambda c: b"\x80\x04" + text("os") + text("system") + b"\x93" + c + b"\x85R.",
    "dotted global": lambda c: (
        b"\x80\x04" + text("shutil") + text("os.system") + b"\x93" + c + b"\x85R."
    ),
    "INST": lambda c: b"(" + c + b"ios\nsystem\n.",
    "OBJ": lambda c: b"(" + SYSTEM + c + b"o.",
    "NEWOBJ": lambda c: TUPLE_OF_MAP + c + b"l\x86\x81\x85\x81.",
    "NEWOBJ_EX": lambda c: TUPLE_OF_MAP + c + b"l\x86}\x92\x85}\x92.",
    "BUILD": object_with("__setstate__", b"@b."),
    "APPEND": object_with("append", b"@a."),
    "APPENDS": object_with("append", b"(@e."),
    "ADDITEMS": object_with("add", b"(@\x90."),
    "memo": lambda c: SYSTEM + b"q\x070" + c + b"\x85q\x080h\x07h\x08R.",
    "getattr": lambda c: (
        *(b"cbuiltins\ngetattr\ncbuiltins\n__import__\n", text("os"), b"\x85R"),
        *(text("system"), b"\x86R", c, b"\x85R."),
    ),
    "EXT1": lambda c: b"\x82\xf0" + c + b"\x85R.",
    "EXT2": lambda c: b"\x83\xf0\x00" + c + b"\x85R.",
    "EXT4": lambda c: b"\x84\xf0\x00\x00\x00" + c + b"\x85R.",
    "BINPERSID": lambda c: SYSTEM + c + b"\x85RQ.",
    "among weights": lambda c: b"}" + text("weight") + SYSTEM + c + b"\x85Rs.",
}
_PYTHON = """
import copyreg, io, os, pickle, sys
copyreg.add_extension("os", "system", 0xF0)
class Unpickler(pickle.Unpickler):
    def persistent_load(self, id):
        return id
try:
    Unpickler(io.BytesIO(sys.stdin.buffer.read())).load()
except Exception as error:
    print(error)
"""


def attack(name: str, canary: Path) -> bytes:
    made = ATTACKS[name](text(f"touch {canary}"))
    return made if isinstance(made, bytes) else b"".join(made)


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_of_a_pickle_is_run(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    pickle = attack(name, canary)
    subprocess.run([sys.executable, "-c", _PYTHON], input=pickle, check=True, timeout=60)
    assert canary.exists(), "this is no attack"
    canary.unlink()
    shown = {"EXT": "copyreg.extension 240", "get": "builtins.getattr"}.get(name[:3], "system")
    places = [
        zipped(tmp_path / "zip.pt", pickle),
        zipped(tmp_path / "script.pt", b"}.", **{"constants.pkl": pickle}),
        legacy(tmp_path / "legacy.pt", pickle),
        index(tmp_path / "folder", pickle),
    ]
    for place in places:
        try:
            found = open_checkpoint(place)
        except CheckpointError:
            continue
        assert any(shown in named for named in found.globals)
    assert not canary.exists()


def index(folder: Path, pickle: bytes) -> Path:
    folder.mkdir()
    (folder / ".metadata").write_bytes(pickle)
    return folder


def test_what_would_change_a_class_changes_nothing(tmp_path: Path) -> None:
    state = b"cargparse\nNamespace\nN}" + text("hacked") + b"\x88s\x86b."
    open_checkpoint(zipped(tmp_path / "m.pt", state))
    assert not hasattr(argparse.Namespace, "hacked")


def test_what_would_change_the_environment_changes_nothing(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.pt", b"cos\nenviron\n" + text("HACKED") + text("1") + b"s.")
    with pytest.raises(CheckpointError, match="no dictionary"):
        open_checkpoint(path)
    assert "HACKED" not in os.environ


def test_no_module_that_a_pickle_names_is_imported(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.pt", b"}" + text("a") + b"cantigravity\nx\ns.")
    assert open_checkpoint(path).globals == ("antigravity.x",)
    assert "antigravity" not in sys.modules


def test_what_follows_the_end_of_a_pickle_is_not_looked_at(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.pt", b"}." + attack("REDUCE", tmp_path / "canary"))
    assert open_checkpoint(path).globals == ()
    assert not (tmp_path / "canary").exists()


def test_names_keep_control_characters_and_markup(tmp_path: Path) -> None:
    name = "\x1b[2J[bold]\u202ea\r\n"
    path = zipped(tmp_path / "m.pt", b"}" + text(name) + text(name) + b"s.")
    assert open_checkpoint(path).metadata == {name: name}
