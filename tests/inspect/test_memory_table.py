"""What a model takes in memory, by its types and while it is trained."""

from dltui.inspect.memory_table import memory_table
from tests.inspect.made import checkpoint, tensor


def test_parameters_count_once_and_buffers_keep_their_types() -> None:
    found = checkpoint(
        tensor("state_dict.a.weight", 100, 10, storage="s"),
        tensor("state_dict.b.weight", 100, 10, storage="s"),
        tensor("state_dict.bn.running_mean", 10),
        tensor("optimizer.state.0.exp_avg", 100, 10),
        tensor("optimizer.state.0.exp_avg_sq", 100, 10),
    )
    sizes = {row.title: row.size_bytes for row in memory_table(found)}
    assert sizes == {
        "file": found.size_bytes,
        "weights": 4040,
        "float32": 4040,
        "bfloat16": 2040,
        "int8": 1040,
        "int4": 540,
        "Adam training": 16_040,
        "SGD training": 12_040,
    }


def test_half_precision_weights_are_as_large_as_they_are() -> None:
    sizes = {
        row.title: row.size_bytes
        for row in memory_table(checkpoint(tensor("w", 1000, dtype="bfloat16")))
    }
    assert sizes["weights"] == sizes["bfloat16"] == 2000
    assert sizes["float32"] == 4000


def test_a_file_without_a_model_is_only_as_large_as_it_is() -> None:
    (row,) = memory_table(checkpoint(tensor("state.0.exp_avg", 4)))
    assert (row.title, row.size_bytes) == ("file", 16)
