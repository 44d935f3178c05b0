"""Plain YAML scalars by the core schema of YAML 1.2.2, section 10.3.2.

`1e-3` is a number, `off` and `2020-01-01` are text. Kept apart from ruamel's resolver, which also
reads dates, octal `0o7`, sexagesimals and `1_000`.
"""

from __future__ import annotations

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)\Z")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)\Z")
_LARGEST_INTEGER = 2**63 - 1


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises:
        ValueError: a number that does not fit into 64 bits, or not-a-number.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        if len(text) > 20 or abs(int(text)) > _LARGEST_INTEGER:
            raise ValueError(f"the whole number {text[:24]} does not fit into 64 bits")
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"the number {text[:24]} does not fit into 64 bits; infinity is .inf")
        return number
    if infinite := _INFINITE.match(text):
        return -math.inf if infinite[1] == "-" else math.inf
    if _NAN.match(text):
        raise ValueError("not-a-number (.nan) has no meaning in a recipe")
    return text
