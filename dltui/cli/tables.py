"""The console that tables are printed on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

UNCUT_COLUMNS = 1000


def table_console() -> Console:
    """As wide as the terminal; into a pipe or a file nothing is cut, unless COLUMNS says so."""
    from rich.console import Console

    is_cut = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_cut else UNCUT_COLUMNS)
