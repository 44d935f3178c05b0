"""`dltui diff`: exit codes 0, 1 and 2, text and JSON."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dltui.cli.checkpoints import checkpoint_path
from dltui.runs import Status, create_run
from tests.e2e.command_line import CommandLine
from tests.inspect.commands.test_inspect import EVIL, cli, dltui

__all__ = ["cli"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diff")
    for step in (1, 2, 3):
        tensors = {"w": torch.full((4,), float(step)), "still": torch.ones(2), EVIL: torch.ones(1)}
        save_file(tensors, folder / f"step_{step}")
    save_file(
        {"module.w": torch.tensor([1, 1, 1, float("inf")]), "new": torch.ones(2)}, folder / "other"
    )
    return folder


def test_the_same_file_twice_gives_0(folder: Path) -> None:
    done = dltui("diff", folder / "step_1", folder / "step_1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[1] == "3 same"


def test_different_files_give_1_and_say_what_differs(cli: CommandLine, folder: Path) -> None:
    said = cli("diff", str(folder / "step_1"), str(folder / "other"), "--json")
    assert said.code == 1
    found = json.loads(said.out, parse_constant=lambda name: pytest.fail(name))
    assert (found["identical"], found["same"]) == (False, 0)
    (change,) = found["changed"]
    assert (change["name"], change["name_b"]) == ("w", "module.w")
    assert (change["max_abs"], change["non_finite"], change["relative_l2"]) == ("Infinity", 1, 0.0)
    assert [tensor["name"] for tensor in found["added"]] == ["new"]
    assert {tensor["name"] for tensor in found["removed"]} == {"still", EVIL}
    assert found["ignored_prefixes"] == {"a": [], "b": ["module."]}
    text = cli("diff", str(folder / "step_1"), str(folder / "other"), "--plain").out
    assert "1 names agree only without module. of the second" in text
    assert "1 NaN or infinite in one of the two" in text
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ["none", "damaged"])
def test_a_file_that_cannot_be_read_gives_2(cli: CommandLine, folder: Path, name: str) -> None:
    (folder / "damaged").write_bytes((folder / "step_1").read_bytes()[:-3])
    said = cli("diff", str(folder / "step_1"), str(folder / name))
    assert (said.code, said.out) == (2, "")
    assert name in said.err
    assert len(said.err.splitlines()) <= 2


def test_a_folder_of_checkpoints_is_a_way_over_steps(cli: CommandLine, folder: Path) -> None:
    said = cli("diff", str(folder), "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert [stop["step"] for stop in found["checkpoints"]] == [1, 2, 3]
    assert found["tensors"][0] == {
        "name": "w",
        "shape": [4],
        "norm": [2.0, 4.0, 6.0],
        "from_first": [0.0, 1.0, 2.0],
        "from_previous": [0.0, 1.0, 0.5],
    }
    rows = [line.split() for line in cli("diff", str(folder)).out.splitlines()]
    assert ["name", "@1", "@2", "@3", "last", "step", "norm"] in rows
    assert ["w", "0", "1", "2", "0.5", "6"] in rows


def test_a_run_goes_by_its_name(cli: CommandLine, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run = create_run(runs, "digits", "", "dltui: 1", Status(state="finished"))
    for step in (10, 20):
        (run.checkpoints / f"step_{step:08d}").mkdir(parents=True)
    (run.checkpoints / "best").write_text("step_00000010\n")
    for name, step in (("digits", 20), ("digits-1@10", 10), ("digits@best", 10), ("last", 20)):
        assert checkpoint_path(name, runs) == run.checkpoints / f"step_{step:08d}"
    said = cli("inspect", "digits@30", "--runs", str(runs))
    assert (said.code, "no checkpoint at step 30" in said.err) == (2, True)
    said = cli("diff", "nothing@20", "digits", "--runs", str(runs))
    assert (said.code, "no run of that name" in said.err) == (2, True)
