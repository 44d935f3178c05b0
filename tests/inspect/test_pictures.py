"""Weights as pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint, row_order
from dltui.inspect.pictures import MAX_PAIRS, Sheet, block_means, picture
from dltui.inspect.values import Values
from tests.inspect.made import write_in_order


def shown(tmp_path: Path, tensor: torch.Tensor, side: int = 192) -> Sheet:
    opened = open_checkpoint(write_in_order(tmp_path / "m.safetensors", {"w": tensor}))
    with Values(opened) as values:
        return picture(values, opened.tensors[0], side)


def test_filters_on_colours_are_coloured(tmp_path: Path) -> None:
    kernels = torch.zeros(70, 3, 7, 5)
    kernels[0, 0] = 2.0
    kernels[1, 2] = -2.0
    sheet = shown(tmp_path, kernels)
    assert len(sheet.images) == len(sheet.captions) == 64
    assert {image.shape for image in sheet.images} == {(7, 5, 3)}
    assert sheet.images[0][0, 0].tolist() == [255, 128, 128]
    assert sheet.images[1][0, 0].tolist() == [128, 128, 0]
    assert sheet.limit == 2.0
    assert sheet.title == "64 of 70 filters"


def test_a_kernel_with_many_inputs_shows_the_first_pairs(tmp_path: Path) -> None:
    kernels = torch.zeros(32, 16, 3, 3)
    kernels[2, 5] = 1.0
    sheet = shown(tmp_path, kernels)
    assert len(sheet.images) == MAX_PAIRS**2
    assert sheet.columns == MAX_PAIRS
    at = sheet.captions.index("5→2")
    assert at == 2 * sheet.columns + 5
    assert [i for i, image in enumerate(sheet.images) if image.max() > 128] == [at]


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (6, 2, 3, 5, 5)])
def test_every_picture_is_one_channel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    sheet = shown(tmp_path, torch.randn(shape))
    assert {image.shape for image in sheet.images} == {(5, 5)}
    assert len(sheet.images) == 6 * shape[1]


def test_a_small_matrix_is_shown_as_it_is(tmp_path: Path) -> None:
    sheet = shown(tmp_path, torch.tensor([[1.0, -1.0, 0.0], [0.5, 0.0, -0.5]]))
    assert sheet.images[0].tolist() == [[255, 0, 128], [192, 128, 64]]
    assert sheet.title == "2 × 3"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64])
def test_other_types_and_shapes_are_matrices(tmp_path: Path, dtype: torch.dtype) -> None:
    values = torch.arange(-6, 6).reshape(2, 3, 2).to(dtype)
    sheet = shown(tmp_path, values)
    assert sheet.images[0].shape == (2, 6)
    assert sheet.images[0][0, 0] == 0
    assert shown(tmp_path, torch.ones(9)).images[0].shape == (1, 9)
    assert shown(tmp_path, torch.tensor(3.0)).images[0].shape == (1, 1)


def test_what_is_no_number_is_grey(tmp_path: Path) -> None:
    sheet = shown(tmp_path, torch.tensor([[float("nan"), float("inf")], [1.0, -1.0]]))
    assert sheet.images[0].tolist() == [[128, 128], [255, 0]]


def test_a_matrix_of_zeros_is_grey(tmp_path: Path) -> None:
    assert set(shown(tmp_path, torch.zeros(4, 4)).images[0].ravel().tolist()) == {128}


def test_the_empty_and_the_complex_have_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="empty"):
        shown(tmp_path, torch.zeros(0, 4))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    side=st.integers(1, 12),
    piece=st.integers(1, 300),
)
def test_every_pixel_is_the_mean_of_its_block(
    tmp_path_factory: pytest.TempPathFactory, rows: int, columns: int, side: int, piece: int
) -> None:
    torch.manual_seed(rows * 100 + columns)
    matrix = torch.randn(rows, columns)
    path = write_in_order(tmp_path_factory.mktemp("m") / "f", {"w": matrix})
    opened = open_checkpoint(path)
    with Values(opened) as values, pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_order.in_rows, "__defaults__", (4 * piece,))
        found = block_means(values, opened.tensors[0], (rows, columns), side)
    height, width = min(rows, side), min(columns, side)
    edges = [
        [i * total // bins for i in range(bins + 1)]
        for total, bins in ((rows, height), (columns, width))
    ]
    real = [
        [
            matrix[edges[0][y] : edges[0][y + 1], edges[1][x] : edges[1][x + 1]].mean().item()
            for x in range(width)
        ]
        for y in range(height)
    ]
    np.testing.assert_allclose(found, real, atol=1e-5)
