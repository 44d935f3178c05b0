"""The rules, one module a subject; `structural.py` and `measured.py` list them.

They are two lists because a listing must not wait for what only a look at the values needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dltui.inspect.findings.evidence import Evidence
from dltui.inspect.findings.finding import Finding

Rule = Callable[[Evidence], Iterable[Finding]]
