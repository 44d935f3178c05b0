"""Data for training: `describe` a recipe's data, `open_data` for its batches."""

from dltui.worker.data.batches import Batch, Batches
from dltui.worker.data.example import Example
from dltui.worker.data.opening import Data, describe, open_data
from dltui.worker.data.tokenizer import Tokenizer, load_tokenizer

__all__ = [
    "Batch",
    "Batches",
    "Data",
    "Example",
    "Tokenizer",
    "describe",
    "load_tokenizer",
    "open_data",
]
