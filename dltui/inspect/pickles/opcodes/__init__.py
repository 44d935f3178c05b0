"""What each opcode of protocols 0 to 5 does: `HANDLERS`, by its byte.

Importing this package fills the table.
"""

from __future__ import annotations

from dltui.inspect.pickles.opcodes import code, containers, frame, texts, values
from dltui.inspect.pickles.opcodes.table import HANDLERS, Handler

__all__ = ["HANDLERS", "Handler", "code", "containers", "frame", "texts", "values"]
