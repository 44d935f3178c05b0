"""What is copied from a checkpoint's screen: each view as a command that the shell accepts."""

import shlex
import subprocess
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from dltui.ui.inspect.copying import CopyMenu, shell_word
from dltui.ui.inspect.details import FILE_VIEWS, TENSOR_VIEWS
from tests.e2e.command_line import CommandLine
from tests.ui.driving import until
from tests.ui.inspect.files import saved
from tests.ui.inspect.test_inspect_screen import opened, screen, seen

ODD = "it's a [b]\\ \x1b[31m\n\u202e.weight"


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Two layers with their optimizer, as training programs save them."""
    model = {f"{n}.weight": torch.linspace(-1, 1, 12).reshape(3, 4) for n in ("in", "out")}
    state = {
        n: {"step": torch.tensor(1.0), "exp_avg": torch.ones(3, 4), "exp_avg_sq": torch.ones(3, 4)}
        for n in range(2)
    }
    optimizer = {"state": state, "param_groups": [{"lr": 0.125, "params": [0, 1]}]}
    path = tmp_path / "a file.pt"
    torch.save({"model": OrderedDict(model), "optimizer": optimizer}, path)
    return path


async def copied(path: Path, key: str, view: str) -> str:
    """The command of a view of what `key` names, as the menu offers it."""
    async with opened(path) as pilot:
        screen(pilot).go_to_key(key)
        await pilot.pause()
        screen(pilot).details.open_view(view)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CopyMenu))
        menu = pilot.app.screen
        assert isinstance(menu, CopyMenu)
        return menu.choices[0][2]


@pytest.mark.parametrize("view", TENSOR_VIEWS)
async def test_each_view_of_a_tensor_is_a_command(
    training: Path,
    view: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = await copied(training, "t:model.in.weight", view)
    program, *words = shlex.split(command)
    assert program == "dltui"
    said = CommandLine(monkeypatch, capsys)(*words)
    assert (said.code, said.err) == (0, "")
    assert ("tensors" if view == "tensor" else view) in words
    if view == "tensor":
        assert "model.in.weight" in said.out
        assert "model.out.weight" not in said.out


@pytest.mark.parametrize(
    ("view", "holds"),
    [
        ("overview", "parameters"),
        ("memory", "Adam training"),
        ("metadata", "0.125"),
        ("code", "OrderedDict"),
    ],
)
async def test_each_view_of_a_file_is_a_command(
    training: Path,
    view: str,
    holds: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program, *words = shlex.split(await copied(training, "m:", view))
    said = CommandLine(monkeypatch, capsys)(*words)
    assert (program, said.code, said.err) == ("dltui", 0, "")
    assert holds in said.out
    assert view in FILE_VIEWS


async def test_a_module_is_a_command_that_lists_its_tensors(
    training: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *words = shlex.split(await copied(training, "m:model", "module"))
    said = CommandLine(monkeypatch, capsys)(*words)
    assert (program, said.code) == ("dltui", 0)
    assert "model.out.weight" in said.out
    assert "model.in.weight" in said.out
    assert "optimizer.state" not in said.out


def test_a_pasted_name_reaches_the_program_whole_and_nothing_of_it_obeys_the_terminal() -> None:
    word = shell_word(ODD)
    assert word.isprintable()
    script = ["bash", "-c", f"printf %s {word}"]
    env = {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(script, capture_output=True, check=True, env=env)
    assert done.stdout.decode() == ODD


async def test_the_menu_shows_every_choice_and_how_to_leave_at_80_by_24(tmp_path: Path) -> None:
    async with opened(saved(tmp_path), (80, 24)) as pilot:
        screen(pilot).go_to_tensor("wte.weight")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CopyMenu))
        await pilot.pause()
        shown = seen(pilot)
        assert all(word in shown for word in ("y command", "p Python", "t text", "esc cancel"))
        assert "--tensor wte.weight" in shown
