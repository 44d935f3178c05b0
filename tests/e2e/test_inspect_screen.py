"""`dltui inspect` and `dltui diff` in real terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.e2e.terminal import Terminal, dltui, environment

pytestmark = pytest.mark.slow

Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """Opens terminals that run dltui in a folder with two checkpoints, and closes them."""
    random = np.random.default_rng(0)
    arrays = {
        f"layer{block}.{name}": random.normal(size=shape).astype(np.float32)
        for block in range(3)
        for name, shape in {"conv.weight": (8, 3, 3, 3), "bn.weight": (8,)}.items()
    }
    save_file(arrays, tmp_path / "a.safetensors")
    arrays["layer1.bn.weight"][2] = np.nan
    save_file(arrays, tmp_path / "b.safetensors")
    (tmp_path / "none.pt").write_bytes(b"not weights at all")
    opened: list[Terminal] = []

    def run(*arguments: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        command = dltui(*arguments)
        opened.append(Terminal(command, size=size, env=environment(tmp_path), cwd=tmp_path))
        return opened[-1]

    yield run
    for each in opened:
        each.hang_up()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_a_file_is_explored_with_the_keys(terminal: Open, size: tuple[int, int]) -> None:
    screen = terminal("inspect", "b.safetensors", size=size)
    screen.wait_for("all values checked")
    assert "1 error" in screen.screen()
    screen.keys("n")
    screen.wait_for("layer1.bn.weight   float32 [8]")
    screen.wait_for("1 12.5 %")
    screen.keys("/")
    screen.type("conv dims:4")
    screen.wait_for("3 found")
    screen.keys("Enter")
    screen.wait_for("layer0.conv.weight")
    screen.keys("2")
    screen.wait_for("median")
    screen.resize(20, 5)
    screen.wait_for("too small")
    screen.resize(*size)
    screen.wait_for("median")
    screen.keys("q")
    screen.wait_for("exit code 0")


def test_a_file_that_is_none_ends_with_one_clear_line(terminal: Open) -> None:
    screen = terminal("inspect", "none.pt")
    text = screen.wait_for("exit code 2")
    assert "none.pt: this is no checkpoint of a format known here" in text
    assert "Traceback" not in text


def test_two_files_are_compared_and_the_exit_code_tells(terminal: Open) -> None:
    screen = terminal("diff", "a.safetensors", "b.safetensors")
    screen.wait_for("5 same · 1 changed")
    assert "layer1.bn.weight" in screen.screen()
    screen.keys("q")
    screen.wait_for("exit code 1")
