"""Plain data to YAML that `read_yaml` gives back as it was."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from dltui.recipe.scalars import read_scalar

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+-]*\Z", re.ASCII)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_yaml(data: dict[str, Any]) -> str:
    """Block style; short lists and maps of scalars on one line."""
    return "".join(f"{line}\n" for line in _map_lines(data, ""))


def _map_lines(data: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        flow = _flow(value)
        if flow is not None and len(indent) + len(flow) < 88:
            lines.append(f"{indent}{_text(key)}: {flow}")
        elif isinstance(value, dict):
            lines += [f"{indent}{_text(key)}:", *_map_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines += [f"{indent}{_text(key)}:", *_list_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{_text(key)}: {_scalar(value)}")
    return lines


def _list_lines(data: list[Any], indent: str) -> list[str]:
    lines: list[str] = []
    for value in data:
        flow = _flow(value)
        if flow is not None and len(indent) + len(flow) < 88:
            lines.append(f"{indent}- {flow}")
        elif isinstance(value, dict):
            first, *rest = _map_lines(value, indent + "  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        elif isinstance(value, list):
            lines += [f"{indent}-", *_list_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}- {_scalar(value)}")
    return lines


def _flow(value: Any) -> str | None:
    """One line, or None where the value is better spread out."""
    if isinstance(value, dict):
        parts = [_flow(child) for child in value.values()]
        if any(part is None for part in parts):
            return None
        pairs = (f"{_text(key)}: {part}" for key, part in zip(value, parts, strict=True))
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        parts = [_flow(child) for child in value]
        if any(part is None for part in parts):
            return None
        return f"[{', '.join(part for part in parts if part is not None)}]"
    return _scalar(value)


def _scalar(value: str | float | bool | None) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(value: str) -> str:
    if _PLAIN.match(value) and read_or_none(value) == value:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def read_or_none(value: str) -> object:
    """What a reader makes of the text without quotes; None where it refuses it."""
    try:
        return read_scalar(value)
    except ValueError:
        return None
