"""The docstrings of Python's standard library, read from its sources on this machine."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from dltui.errors import DataError

PACKAGES = (
    "asyncio",
    "email",
    "http",
    "importlib",
    "logging",
    "multiprocessing",
    "unittest",
    "xml",
)
"""Packages with a hundred docstrings or more in every Python from 3.11 to 3.13."""

_SHORTEST = 20
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings() -> list[tuple[str, str]]:
    """`(docstring, package)` in the order of the files; one that stands twice is left out.

    Raises DataError where the library is there without its sources.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        for text in _of_package(root / package):
            found[text] = package if found.get(text, package) == package else None
    pairs = [(text, package) for text, package in found.items() if package is not None]
    missing = set(PACKAGES) - {package for _, package in pairs}
    if missing:
        raise DataError(
            f"this Python comes without the sources of {', '.join(sorted(missing))}",
            where=str(root),
            remedy="Use a Python from python.org or your system's full package.",
        )
    return pairs


def _of_package(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, _WITH_DOCSTRING):
                text = ast.get_docstring(node)
                if text is not None and len(text) >= _SHORTEST:
                    yield text
