"""Singular values, ranks and power laws of stored matrices."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from dltui.errors import CheckpointError
from dltui.inspect import open_checkpoint, singular_values
from dltui.inspect.power_law import power_law
from dltui.inspect.singular_values import SingularValues
from dltui.inspect.spectrum import spectrum
from dltui.inspect.spectrum_process import described, spectrum_of
from dltui.inspect.values import Values
from tests.inspect.made import write_in_order


def stored(tmp_path: Path, **tensors: torch.Tensor) -> Path:
    return write_in_order(tmp_path / "m.safetensors", tensors)


def values_of(path: Path) -> SingularValues:
    opened = open_checkpoint(path)
    with Values(opened) as values:
        return singular_values.singular_values(values, opened.tensors[0])


def test_a_kernel_is_the_matrix_that_it_multiplies_with(tmp_path: Path) -> None:
    torch.manual_seed(0)
    kernel = torch.randn(12, 5, 3, 3)
    found = spectrum(stored(tmp_path, w=kernel), "w")
    assert found is not None
    real = torch.linalg.svdvals(kernel.double().reshape(12, 45)).numpy()
    np.testing.assert_allclose(found.singular_values, real, rtol=1e-6)
    assert (found.rows, found.columns, found.complete, found.method) == (12, 45, True, "exact")
    assert found.frobenius_norm == pytest.approx(float(kernel.norm()), rel=1e-6)
    assert found.stable_rank == pytest.approx((real**2).sum() / real[0] ** 2, rel=1e-6)
    assert found.as_json()["rows"] == 12


@pytest.mark.parametrize("shape", [(300, 40), (40, 300)])
def test_inner_products_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]
) -> None:
    monkeypatch.setattr(singular_values, "DIRECT_ELEMENTS", 1000)
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    found = values_of(stored(tmp_path, w=matrix))
    real = torch.linalg.svdvals(matrix.double()).numpy()
    np.testing.assert_allclose(found.values, real, rtol=1e-6)
    assert found.complete
    assert found.method == "from inner products"


def test_of_the_largest_matrices_the_leading_ones_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singular_values, "DIRECT_ELEMENTS", 1000)
    monkeypatch.setattr(singular_values, "GRAM_SIZE", 10)
    monkeypatch.setattr(singular_values, "LEADING", 12)
    torch.manual_seed(0)
    decaying = torch.randn(200, 60) * torch.logspace(0, -2, 60)
    found = values_of(stored(tmp_path, w=decaying))
    real = torch.linalg.svdvals(decaying.double()).numpy()
    np.testing.assert_allclose(found.values, real[:12], rtol=1e-3)
    assert found.squared_norm == pytest.approx((real**2).sum(), rel=1e-5)
    assert not found.complete
    told = described(found)
    assert told.effective_rank is None
    assert told.stable_rank == pytest.approx((real**2).sum() / real[0] ** 2, rel=1e-3)


def test_ranks_of_matrices_that_are_known(tmp_path: Path) -> None:
    identity = spectrum_of(stored(tmp_path, w=torch.eye(30)), "w")
    assert identity.effective_rank == pytest.approx(30)
    assert identity.stable_rank == pytest.approx(30)
    outer = spectrum_of(stored(tmp_path, w=torch.ones(30, 1) @ torch.rand(1, 20)), "w")
    assert outer.effective_rank == pytest.approx(1, abs=1e-4)
    zero = spectrum_of(stored(tmp_path, w=torch.zeros(5, 4)), "w")
    assert (zero.stable_rank, zero.effective_rank, zero.alpha) == (0, None, None)


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0])
def test_the_exponent_of_a_power_law_is_found(alpha: float) -> None:
    chance = np.random.default_rng(0)
    values = (1 - chance.random(5000)) ** (-1 / (alpha - 1))
    found = power_law(values)
    assert found is not None
    assert found.alpha == pytest.approx(alpha, rel=0.1)
    assert found.distance < 0.05


def test_a_law_in_the_tail_alone_is_found_where_it_begins() -> None:
    chance = np.random.default_rng(0)
    tail = 5 * (1 - chance.random(1000)) ** (-1 / 1.5)
    found = power_law(np.concatenate([tail, chance.random(3000) * 5]))
    assert found is not None
    assert found.alpha == pytest.approx(2.5, rel=0.1)
    assert 4 < found.begin < 12


def test_too_few_values_have_no_law() -> None:
    assert power_law(np.arange(1.0, 10.0)) is None
    assert power_law(np.ones(100)) is None


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (torch.ones(7), "no matrix"),
        (torch.tensor([[1.0, float("nan")], [0.0, 1.0]]), "NaN"),
    ],
)
def test_what_has_no_spectrum_says_why(tmp_path: Path, tensor: torch.Tensor, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        spectrum(stored(tmp_path, w=tensor), "w")


def test_it_can_be_stopped(tmp_path: Path) -> None:
    path = stored(tmp_path, w=torch.randn(9, 9))
    assert spectrum(path, "w", cancelled=lambda: True) is None
    with pytest.raises(CheckpointError, match="longer than"):
        spectrum(path, "w", timeout_s=0.0)


def test_the_process_ends_with_the_one_that_asked(tmp_path: Path) -> None:
    path = stored(tmp_path, w=torch.rand(3000, 3000))
    program = "import sys, pathlib\nfrom dltui.inspect.spectrum import spectrum\n"
    program += "spectrum(pathlib.Path(sys.argv[1]), 'w')"
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as asking:
        child = child_of(asking.pid)
        asking.kill()
    assert psutil.wait_procs([child], timeout=20)[1] == []


def child_of(pid: int) -> psutil.Process:
    """The process that another one starts, once it has."""
    for _ in range(400):
        if found := psutil.Process(pid).children():
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no child was started")
