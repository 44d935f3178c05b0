"""Each part in a fresh process imports only what its start-up budget allows."""

import importlib
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "torchmetrics", "sklearn", "pandas", "scipy")

LEFT_OUT = {
    "dltui": (*HEAVY, "numpy", "textual", "rich", "pydantic", "ruamel", "typer"),
    "dltui.cli.app": (*HEAVY, "numpy", "textual", "pydantic", "ruamel"),
    "dltui.recipe": (*HEAVY, "numpy", "textual", "pydantic", "ruamel"),
    "dltui.runs": (*HEAVY, "numpy", "textual"),
    "dltui.launch": (*HEAVY, "numpy", "textual"),
    "dltui.sweep.search": (*HEAVY, "textual"),
    "dltui.charts": (*HEAVY, "textual"),
    "dltui.doctor": (*HEAVY, "textual"),
    "dltui.inspect.opening": (*HEAVY, "numpy", "textual", "rich", "pydantic", "safetensors"),
    "dltui.inspect.tree": (*HEAVY, "numpy", "textual", "rich", "pydantic", "safetensors"),
    "dltui.inspect.progress": (*HEAVY, "numpy", "textual", "rich", "pydantic", "safetensors"),
    "dltui.inspect.values": (*HEAVY, "textual", "rich", "pydantic", "safetensors"),
    "dltui.explain": (*HEAVY, "numpy", "textual"),
    "dltui.ui.app": (*HEAVY, "numpy", "pydantic", "ruamel", "plotext"),
    "dltui.ui.screens.home": (*HEAVY, "numpy", "pydantic", "ruamel", "plotext"),
    "dltui.ui.screens.watch": (*HEAVY, "plotext"),
}


def modules_after(code: str) -> set[str]:
    """Top-level names in `sys.modules` at the end of a fresh process that runs `code`."""
    report = "import atexit, sys; atexit.register(lambda: print('\\n', *sys.modules))\n"
    done = subprocess.run(
        [sys.executable, "-c", report + code], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_importing_a_part_leaves_out_what_it_does_not_need(part: str) -> None:
    assert not modules_after(f"import {part}") & set(LEFT_OUT[part])


def test_no_format_of_checkpoints_needs_numpy_to_list_what_is_in_it() -> None:
    code = """
from importlib import import_module
from dltui.inspect.opening import FILE_FORMATS, FOLDER_FORMATS
for name in (*FILE_FORMATS, *FOLDER_FORMATS):
    import_module(f"dltui.inspect.formats.{name}")
"""
    loaded = modules_after(code)
    assert "dltui" in loaded
    assert not loaded & {*HEAVY, "numpy", "h5py", "onnx", "gguf", "rich", "pydantic"}


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_neither_torch_nor_textual(command: list[str]) -> None:
    loaded = modules_after(f"sys.argv = ['dltui', *{command!r}]; import dltui.cli as c; c.main()")
    assert "typer" in loaded
    assert not loaded & {*HEAVY, "textual", "numpy", "ruamel"}


def test_the_worker_imports_no_terminal_library() -> None:
    loaded = modules_after("import dltui.worker.session, dltui.graph")
    assert "torch" in loaded
    assert not loaded & {"textual", "plotext", "typer"}


@pytest.mark.parametrize("part", ["dltui.recipe", "dltui.runs", "dltui.launch"])
def test_a_lazy_name_is_no_submodule_that_would_replace_it_once_imported(part: str) -> None:
    homes = importlib.import_module(part)._HOMES
    assert not set(homes) & set(homes.values())
