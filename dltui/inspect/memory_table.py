"""How much memory a model takes: as it is, in other types, and while it is trained."""

from __future__ import annotations

from dltui.inspect.contents import BITS, Checkpoint, distinct
from dltui.inspect.parts import model_part
from dltui.inspect.roles import is_buffer
from dltui.records import record


@record
class MemoryRow:
    """One way to keep the model."""

    title: str
    size_bytes: int
    formula: str
    """How the size comes about, for P parameters."""


def memory_table(checkpoint: Checkpoint) -> tuple[MemoryRow, ...]:
    """Sizes for P trained elements (each storage once) and the buffers beside them.

    - file: as it is on the disk, with the optimizer and all else.
    - weights: the model's tensors in the types they have.
    - float32, bfloat16, int8, int4: 4 P, 2 P, P and P / 2 bytes; buffers keep their types, and
      the scales of quantised weights (usually 2 bytes for 64 or 128 of them, up to 3 %) come on
      top.
    - Adam: weights 4 P, gradients 4 P, two moments 8 P: 16 bytes a parameter. With mixed
      precision (Micikevicius et al., "Mixed Precision Training", 2018) bfloat16 weights 2 P and
      gradients 2 P beside float32 master weights 4 P and moments 8 P: 16 bytes as well. SGD with
      momentum keeps one moment: 12 bytes.

    Activations are not in it: they depend on the batch. Empty where there is no model.
    """
    model = model_part(checkpoint)
    if model is None:
        return (MemoryRow("file", checkpoint.size_bytes, "as it is on the disk"),)
    once = distinct(model.tensors)
    parameters = sum(tensor.elements for tensor in once if not is_buffer(tensor))
    buffers = sum(
        tensor.elements * BITS.get(tensor.dtype, 32) // 8 for tensor in once if is_buffer(tensor)
    )
    weights = sum(tensor.size_bytes for tensor in once)
    return (
        MemoryRow("file", checkpoint.size_bytes, "as it is on the disk"),
        MemoryRow("weights", weights, "in the types they have"),
        MemoryRow("float32", 4 * parameters + buffers, "4 P"),
        MemoryRow("bfloat16", 2 * parameters + buffers, "2 P"),
        MemoryRow("int8", parameters + buffers, "1 P, without scales"),
        MemoryRow("int4", (parameters + 1) // 2 + buffers, "P / 2, without scales"),
        MemoryRow(
            "Adam training",
            16 * parameters + buffers,
            "16 P: weights 4, gradients 4, moments 8; or in mixed precision 2, 2, master 4, 8",
        ),
        MemoryRow(
            "SGD training", 12 * parameters + buffers, "12 P: weights 4, gradients 4, momentum 4"
        ),
    )
