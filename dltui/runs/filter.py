"""The filter of run lists: `state:running task:classify lr>=1e-3 -name:debug`.

Terms are joined by "and". `-` before a term turns it round, a comma in a value means "or", `*`
stands for any text. A bare word looks into name, recipe and task. Keys are those of
`dltui runs --json`, names of metrics (`val/accuracy>0.9`) and settings of the recipe
(`optimizer.lr`, or `lr` where that is clear).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from dltui.errors import UsageError

_TERM = re.compile(r"(?P<key>[\w./@-]+?)(?P<operator>>=|<=|!=|[:=<>])(?P<value>.*)", re.DOTALL)
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_WORD_KEYS = ("name", "id", "recipe", "task")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `key` is empty for a bare word."""

    key: str
    operator: str
    value: str
    negated: bool = False

    def matches(self, facts: Mapping[str, Any]) -> bool:
        return self._holds(facts) is not self.negated

    def _holds(self, facts: Mapping[str, Any]) -> bool:
        choices = self.value.split(",") if self.operator in ":=" else [self.value]
        if not self.key:
            return any(
                _text_matches(str(facts.get(key, "")), choice, inside=True)
                for key in _WORD_KEYS
                for choice in choices
            )
        found = _look_up(facts, self.key)
        return any(_compare(found, self.operator, choice) for choice in choices)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """All conditions of a filter line; an empty one matches every run."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Reads a filter line. Raises UsageError naming the term that makes no sense."""
        return cls(tuple(_parse_term(token) for token in _TOKEN.findall(text)))

    def matches(self, facts: Mapping[str, Any]) -> bool:
        """Whether a run with these facts (`RunSummary.facts()`) passes."""
        return all(term.matches(facts) for term in self.terms)

    def unknown_keys(self, runs: Iterable[Mapping[str, Any]]) -> list[str]:
        """Keys of terms that no run has anything under: misspelt, most likely."""
        known = list(runs)
        keys = dict.fromkeys(term.key for term in self.terms if term.key)
        return [key for key in keys if all(_look_up(facts, key) is None for facts in known)]


def _parse_term(token: str) -> Term:
    negated = token.startswith("-") and len(token) > 1
    body = token[1:] if negated else token
    match = _TERM.fullmatch(body)
    if match is None or body.startswith('"'):
        return Term("", ":", body.replace('"', ""), negated)
    value = match["value"].replace('"', "")
    if not value:
        raise UsageError(
            f"the filter term {token!r} has no value",
            remedy="for example state:running, lr>=1e-3 or -name:debug",
        )
    if match["operator"] in ("<", ">", "<=", ">=") and _number(value) is None:
        raise UsageError(
            f"the filter term {token!r} compares with {value!r}, which is no number",
            remedy="for example lr>=1e-3",
        )
    return Term(match["key"], match["operator"], value, negated)


def _look_up(facts: Mapping[str, Any], key: str) -> Any:
    """The fact of that name, or the only shortest one whose dotted name ends in it."""
    if key in facts:
        return facts[key]
    ending = [name for name in facts if name.endswith((f".{key}", f"/{key}"))]
    shortest = [name for name in ending if _depth(name) == min(map(_depth, ending))]
    preferred = [name for name in shortest if name.startswith("optimizer.")] or shortest
    return facts[preferred[0]] if preferred else None


def _depth(name: str) -> int:
    return name.count(".") + name.count("/")


def _compare(found: Any, operator: str, value: str) -> bool:
    if found is None:
        return operator == "!=" or (operator in ":=" and value in ("none", "null"))
    number = _number(value)
    known = float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
    if operator in ("<", ">", "<=", ">="):
        return known is not None and number is not None and _ordered(known, operator, number)
    if known is not None and number is not None:
        equal = math.isclose(known, number, rel_tol=1e-9) or known == number
    else:
        plain = str(found).lower() if isinstance(found, bool) else str(found)
        equal = _text_matches(plain, value, inside=operator == ":")
    return equal is not (operator == "!=")


def _ordered(left: float, operator: str, right: float) -> bool:
    if operator == ">=":
        return left >= right
    if operator == "<=":
        return left <= right
    return left > right if operator == ">" else left < right


def _text_matches(text: str, pattern: str, *, inside: bool) -> bool:
    text, pattern = text.casefold(), pattern.casefold()
    if "*" in pattern:
        return fnmatchcase(text, pattern.replace("[", "[[]"))
    return pattern in text if inside else pattern == text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def flat_settings(raw: Mapping[str, Any], prefix: str = "") -> dict[str, str | float | bool]:
    """The scalars of a resolved recipe by dotted key; `model` is left out, lists too."""
    found: dict[str, str | float | bool] = {}
    for key, value in raw.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in ("model", "models"):
            found |= flat_settings(value, f"{name}.")
        elif isinstance(value, str | int | float | bool):
            found[name] = value
    return found


def matching(facts: Iterable[Mapping[str, Any]], text: str) -> list[int]:
    """Positions of those that pass the filter line."""
    wanted = RunFilter.parse(text)
    return [index for index, each in enumerate(facts) if wanted.matches(each)]
