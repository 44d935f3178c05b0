"""What scripts rely on: the JSON of each command, exit codes, pipes, locales, narrow terminals."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dltui.worker.describe import describe_recipe
from tests.e2e.command_line import CommandLine
from tests.e2e.terminal import dltui, environment
from tests.e2e.test_bad_input import GOOD


def run_dltui(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        dltui(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | environment(home) | settings,
        cwd=home,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds one trained run, `small-1`."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "good.yaml").write_text(GOOD)
    done = run_dltui(folder, "train", "good.yaml", "--headless")
    assert done.returncode == 0, done.stderr
    assert b"small-1: finished" in done.stdout
    return folder


@pytest.fixture
def cli(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    for name, value in environment(home).items():
        if name.startswith(("XDG", "DLTUI")):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    return CommandLine(monkeypatch, capsys)


def value_of(cli: CommandLine, *arguments: str) -> Any:
    said = cli(*arguments)
    assert said.code == 0

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(said.out, parse_constant=no_constant)


def test_recipes_as_json(cli: CommandLine) -> None:
    found = value_of(cli, "recipes", "--json")
    names = {recipe["name"] for recipe in found}
    assert {"basics/mlp-wine", "vision/cnn-digits", "language/gpt-pydoc", "tabular/csv"} <= names
    for recipe in found:
        assert recipe["family"] == recipe["name"].partition("/")[0]
        assert Path(recipe["path"]).is_file()
        assert isinstance(recipe["task"], str)
        assert isinstance(recipe["about"], str)
        assert recipe["parameters"] is None or recipe["parameters"] > 0
        assert isinstance(recipe["download"], bool)
        assert all(isinstance(need, str) for need in recipe["needs"])
    downloads = {recipe["name"] for recipe in found if recipe["download"]}
    assert "vision/lenet-mnist" in downloads
    assert "vision/cnn-digits" not in downloads


def test_runs_as_json(cli: CommandLine, home: Path) -> None:
    (run,) = value_of(cli, "runs", "--json")
    assert run["name"] == "small-1"
    assert run["id"].endswith("-small-1")
    assert run["path"] == str(home / "runs" / run["id"])
    assert run["recipe"].endswith("good.yaml")
    assert (run["state"], run["epoch"], run["progress"], run["device"]) == (
        "finished",
        1.0,
        1.0,
        "cpu",
    )
    assert run["step"] == math.ceil(100 / 32)
    assert run["started"] > 0
    assert run["elapsed_s"] > 0
    assert {"pid"} <= run.keys()
    assert {"train/loss", "val/loss", "val/accuracy"} <= run["metrics"].keys()
    assert run["best"]["metric"] == "val/accuracy"
    assert run["best"]["value"] == run["metrics"]["val/accuracy"]
    assert run["best"]["step"] == run["step"]


def test_validate_as_json_of_good_and_bad_recipes(cli: CommandLine, home: Path) -> None:
    found = value_of(cli, "validate", "good.yaml", "--json")
    assert found["recipe"].endswith("good.yaml")
    assert (found["parameters"], found["errors"]) == (650, [])
    assert found["layers"] == [
        {"name": "flatten", "type": "flatten", "input": [1, 8, 8], "output": [64], "parameters": 0},
        {"name": "linear", "type": "linear", "input": [64], "output": [10], "parameters": 650},
    ]
    said = cli("validate", "good.yaml", "optimizer.lrr=1", "--json")
    assert said.code == 2
    (error,) = json.loads(said.out)["errors"]
    assert (error["line"], error["column"], error["path"]) == (1, 1, "optimizer.lrr")
    assert isinstance(error["file"], str)
    assert "did you mean `lr`" in error["message"]
    broken = describe_recipe(home / "good.yaml", ["trainer.device=cuda:77"])["errors"]
    assert [error["path"] for error in broken] == ["trainer.device"]


def test_doctor_and_export_as_json(cli: CommandLine) -> None:
    for finding in value_of(cli, "doctor", "small-1", "--json"):
        assert {"rule", "severity", "layer", "step", "message", "remedy"} <= finding.keys()
    found = value_of(cli, "export", "last", "--to", "json")
    assert found["run"]["name"] == "small-1"
    loss = found["metrics"]["train/loss"]
    assert len(loss["steps"]) == len(loss["values"]) == len(loss["times"]) == found["run"]["step"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pause", "small"], "it has no worker that could pause: it is finished"),
        (["stop", "small"], "it is finished"),
        (["checkpoint", "small"], "it is finished"),
        (["kill", "small"], "there is nothing to kill"),
        (["resume", "small"], "it has finished"),
        (["set", "small", "lr=1e-3"], "it is finished"),
        (["plot", "small", "nope"], "this run has no metric 'nope'"),
        (["doctor", "smell"], "no run goes by 'smell'"),
        (["export", "small", "--out", "none/x.csv"], "another place with --out"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_finished_run_cannot_do_is_refused(
    cli: CommandLine, arguments: list[str], says: str
) -> None:
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


def test_commands_on_a_finished_run_give_0(cli: CommandLine) -> None:
    for arguments in (["plot", "last"], ["doctor", "last"], ["watch", "--plain"], ["runs"]):
        said = cli(*arguments)
        assert said.code == 0, arguments
        assert said.out


@pytest.mark.parametrize(
    "command",
    [
        "",
        "train",
        "validate",
        "recipes",
        "runs",
        "watch",
        "set",
        "plot",
        "export",
        "inspect",
        "diff",
    ],
)
def test_help_names_the_command_as_people_type_it(cli: CommandLine, command: str) -> None:
    said = cli(*command.split(), "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: {' '.join(['dltui', *command.split()])} ")
    assert "]]" not in said.out


def test_tables_in_a_pipe_are_not_cut(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    about = {recipe["about"] for recipe in value_of(cli, "recipes", "--json")}
    listed = cli("recipes").out
    assert about
    assert all(text in listed for text in about)


def test_a_narrow_list_of_recipes_still_says_their_names(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = {recipe["name"] for recipe in value_of(cli, "recipes", "--json")}
    rows = cli("recipes").out.splitlines()[1:]
    assert {row.split()[0] for row in rows} == names
    assert max(map(len, rows)) <= 80


COMMANDS = (("recipes",), ("runs",), ("plot", "last"), ("watch", "--plain"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_terminals_without_unicode_get_what_they_can_show(
    home: Path, encoding: str, command: tuple[str, ...]
) -> None:
    done = run_dltui(home, *command, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding)


@pytest.mark.parametrize("command", ["recipes", "schema"])
def test_a_full_disk_under_stdout_is_told(home: Path, command: str) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stdout:
        done = subprocess.run(
            dltui(command),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment(home),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "dltui: No space left on device\n")


@pytest.mark.parametrize("command", [("schema",), ("plot", "last"), ("export", "last")])
def test_a_pipe_that_closes_early_is_no_error(home: Path, command: tuple[str, ...]) -> None:
    with subprocess.Popen(
        dltui(*command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment(home),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_the_list_of_runs_fits_the_terminal(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = cli("runs").out.splitlines()
    assert max(map(len, lines)) <= columns
    assert "small" in lines[1]
    assert "finished" in lines[1]


def test_no_color_is_honoured(home: Path) -> None:
    done = run_dltui(home, "plot", "last", NO_COLOR="1", FORCE_COLOR="1")
    assert b"\x1b[3" not in done.stdout
