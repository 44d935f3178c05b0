"""What a plugin file registers, read without running it; and which files the user trusts."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dltui import paths
from dltui.errors import PluginError

PluginKind = Literal["layer", "data_source", "task", "callback"]
KINDS: Final[tuple[PluginKind, ...]] = ("layer", "data_source", "task", "callback")
_LARGEST_BYTES: Final = 2_000_000
_INFERRED: Final = ("in_features", "in_channels", "input_shape")
"""What the graph gives to a layer's constructor that asks for it."""


@dataclass(frozen=True, slots=True)
class PluginName:
    """One name that a plugin file registers: `@dltui.layer("swish2")`.

    `parameters` are what a recipe may give, the one that a bare value fills first: for a class
    without what is inferred from the input, for a function without its first tensor, those with
    a default before the others.
    """

    name: str
    kind: PluginKind
    file: Path
    line: int
    parameters: tuple[str, ...] = ()
    open_ended: bool = False
    """True where it takes `**kwargs`, so that any argument may be right."""


def plugin_names(path: Path) -> list[PluginName]:
    """The names that the file registers, by reading its syntax only.

    Raises:
        PluginError: the file cannot be read, or is not Python; `where` is its own line.
    """
    tree = _syntax(path)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            for decorator in node.decorator_list:
                if (registered := _registration(decorator)) is not None:
                    kind, name = registered
                    parameters, open_ended = _parameters(node, kind)
                    found.append(PluginName(name, kind, path, node.lineno, parameters, open_ended))
    return sorted(found, key=lambda plugin: plugin.line)


def _syntax(path: Path) -> ast.Module:
    try:
        source = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PluginError(f"the plugin cannot be read: {reason}", where=str(path)) from None
    if len(source) > _LARGEST_BYTES:
        raise PluginError("the plugin is larger than 2 MB", where=str(path))
    try:
        return ast.parse(source, filename=str(path))
    except SyntaxError as error:
        raise PluginError(
            f"the plugin is not valid Python: {error.msg}",
            where=f"{path}:{error.lineno or 1}:{error.offset or 1}",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise PluginError(f"the plugin is not Python: {error}", where=f"{path}:1:1") from None


def _registration(decorator: ast.expr) -> tuple[PluginKind, str] | None:
    """`@layer("x")` or `@dltui.layer("x")` → ("layer", "x")."""
    if not isinstance(decorator, ast.Call):
        return None
    match decorator.func:
        case ast.Name(id=called):
            pass
        case ast.Attribute(value=ast.Name(id="dltui"), attr=called):
            pass
        case _:
            return None
    match decorator.args, decorator.keywords:
        case [ast.Constant(value=str(name)), *_], _:
            pass
        case [], [ast.keyword(arg="name", value=ast.Constant(value=str(name))), *_]:
            pass
        case _:
            return None
    for kind in KINDS:
        if called == kind:
            return kind, name
    return None


def _parameters(
    node: ast.ClassDef | ast.FunctionDef, kind: PluginKind
) -> tuple[tuple[str, ...], bool]:
    if isinstance(node, ast.FunctionDef):
        given, with_default, keyword_only, open_ended = _signature(node.args)
        if kind == "layer":
            others = [name for name in given[1:] if name not in with_default]
            return (*with_default, *keyword_only, *others), open_ended
        return (*given, *keyword_only), open_ended
    makers = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if not makers:
        # A dataclass or a class with an inherited constructor: its arguments are unknown here.
        return (), bool(node.bases or node.decorator_list[1:])
    given, _, keyword_only, open_ended = _signature(makers[-1].args)
    names = [name for name in (*given[1:], *keyword_only) if name not in _INFERRED]
    return tuple(names), open_ended


def _signature(arguments: ast.arguments) -> tuple[list[str], list[str], list[str], bool]:
    """Positional names, those of them with a default, keyword-only names, and any others."""
    given = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    with_default = given[len(given) - len(arguments.defaults) :]
    return given, with_default, [a.arg for a in arguments.kwonlyargs], arguments.kwarg is not None


def is_trusted(path: Path) -> bool:
    """Whether the user has allowed this file, at this path and with these contents, to run."""
    digest = _digest(path)
    return digest is not None and _read_trusted().get(str(path.resolve())) == digest


def trust(path: Path) -> None:
    """Remember that the user allows this file to run as it is now.

    Raises:
        PluginError: the file cannot be read.
    """
    digest = _digest(path)
    if digest is None:
        raise PluginError("the plugin cannot be read", where=str(path))
    trusted = {**_read_trusted(), str(path.resolve()): digest}
    store = _store()
    store.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file 0600; the rename keeps readers from ever seeing half of it.
    handle, temporary = tempfile.mkstemp(dir=store.parent, prefix=".trusted-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(trusted, file, indent=1, sort_keys=True)
        Path(temporary).replace(store)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _store() -> Path:
    return paths.config_folder() / "trusted-plugins.json"


def _read_trusted() -> dict[str, str]:
    """Path → SHA-256. A store that others may write, or that is not JSON, grants nothing."""
    store = _store()
    try:
        status = store.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return {}
        held = json.loads(store.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(held, dict):
        return {}
    return {str(key): value for key, value in held.items() if isinstance(value, str)}


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
