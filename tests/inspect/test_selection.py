"""Finding tensors by name, type, shape and size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.errors import UsageError
from dltui.inspect.contents import Tensor
from dltui.inspect.selection import Selection


def tensor(name: str, shape: tuple[int, ...] = (4,), dtype: str = "float32") -> Tensor:
    width = {"float32": 4, "bfloat16": 2, "int64": 8}[dtype]
    size = width
    for each in shape:
        size *= each
    return Tensor(name, shape, dtype, size, None)


TENSORS = (
    tensor("conv1.weight", (64, 3, 7, 7)),
    tensor("layer1.0.conv1.weight", (64, 64, 3, 3), "bfloat16"),
    tensor("layer10.bn.weight", (64,)),
    tensor("layer10.bn.num_batches_tracked", (), "int64"),
    tensor("fc.weight", (1000, 512)),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("conv", [0, 1]),
        ("CONV", [0, 1]),
        ("layer*weight", [1, 2]),
        ("-conv", [2, 3, 4]),
        ("dtype:bf16", [1]),
        ("dtype:bf16,i64", [1, 3]),
        ("shape:64,*", []),
        ("shape:64,...", [0, 1, 2]),
        ("shape:64,*,3,3", [1]),
        ("dims:4", [0, 1]),
        ("dims:0", [3]),
        (">10k", [1, 4]),
        (">=9408", [0, 1, 4]),
        ("=1", [3]),
        (">1MB", [4]),
        ("<=8B", [3]),
        ("conv <20k", [0]),
        ("name:dtype", []),
    ],
)
def test_a_filter_finds_what_it_says(text: str, found: list[int]) -> None:
    assert Selection.parse(text).of(TENSORS) == tuple(TENSORS[place] for place in found)


def test_an_open_shape_wants_the_dimensions_that_it_names() -> None:
    assert not Selection.parse("shape:64,3,...").matches(tensor("a", (64,)))
    assert Selection.parse("shape:64,3,...").matches(tensor("a", (64, 3)))


@pytest.mark.parametrize("text", [">", ">much", "dtype:", "shape:a,b", "dims:x", "conv >=1Q"])
def test_a_term_that_makes_no_sense_is_named(text: str) -> None:
    with pytest.raises(UsageError) as told:
        Selection.parse(text)
    assert text.split()[-1] in str(told.value)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_is_refused_with_an_example(text: str) -> None:
    try:
        found = Selection.parse(text).of(TENSORS)
    except UsageError as error:
        found, remedy = (), error.remedy
    else:
        remedy = "for example"
    assert set(found) <= set(TENSORS)
    assert remedy is not None
    assert remedy.startswith("for example")
