"""Names and shapes that tell one architecture from another, one table a field.

A new architecture is one `Signature` more in a table.
"""

from __future__ import annotations

from dltui.inspect.architectures.convolutional import CONVOLUTIONAL
from dltui.inspect.architectures.generative import GENERATIVE
from dltui.inspect.architectures.language import LANGUAGE
from dltui.inspect.architectures.sequence import SEQUENCE
from dltui.inspect.architectures.signature import Layout, Signature
from dltui.inspect.architectures.vision_transformers import VISION_TRANSFORMERS

SIGNATURES: tuple[Signature, ...] = (
    *GENERATIVE,
    *CONVOLUTIONAL,
    *VISION_TRANSFORMERS,
    *LANGUAGE,
    *SEQUENCE,
)
"""Asked in this order; the first that fits is the answer."""

__all__ = ["SIGNATURES", "Layout", "Signature"]
