"""Bad input gets one clear message, exit code 2, and leaves nothing half-made."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dltui.recipe import trust
from dltui.runs.layout import run_folders
from dltui.worker.describe import describe_recipe
from tests.e2e.command_line import CommandLine, Said
from tests.e2e.terminal import Terminal, dltui, environment

GOOD = """\
dltui: 1
name: small
data: {type: builtin, name: digits, batch_size: 32, limit: 100}
model: {layers: [flatten, {linear: $(data.classes)}]}
task: {type: classify}
trainer: {epochs: 1, device: cpu}
"""
TABLE = """\
dltui: 1
name: table
data: {type: csv, path: table.csv, target: y}
model: {layers: [{linear: 8}, relu, {linear: $(data.classes)}]}
task: {type: classify}
"""
FOLDER = """\
dltui: 1
name: pictures
data: {type: folder, path: pictures, size: 8}
model: {layers: [flatten, {linear: $(data.classes)}]}
task: {type: classify}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in environment(tmp_path).items():
        if name.startswith(("XDG", "DLTUI")):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


@pytest.fixture
def cli(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


def assert_refused(said: Said, says: str) -> None:
    assert said.code == 2
    assert said.out == ""
    assert says in said.err
    assert "Traceback" not in said.err


RECIPES = [
    (b"", "1:1: the recipe is empty"),
    (b"dltui: 1\ndata:\n\ttype: csv\n", "3:1: a tab in the indentation"),
    (GOOD.encode() + b"name: twice\n", "7:1: name: duplicate key"),
    (GOOD.encode() + b"trainr: {}\n", "did you mean `trainer`?"),
    (GOOD.replace("flatten", "flaten").encode(), "did you mean `flatten`?"),
    (GOOD.replace("32", "many").encode(), "expected a whole number"),
    (GOOD.encode() + b"about: !!python/name:os.system x\n", "tags"),
    (GOOD.encode() + b"about: *alias\n", "alias"),
    (b"a" * 10_000_000, "at most 1,000,000 bytes"),
    (bytes(range(128, 256)) * 20, "this is not a text file"),
    (None, "there is no file"),
]


@pytest.mark.parametrize(("content", "says"), RECIPES, ids=lambda value: str(value)[:24])
def test_a_recipe_that_is_none_is_refused_alike_by_train_and_validate(
    cli: CommandLine, home: Path, content: bytes | None, says: str
) -> None:
    path = home / "bad.yaml"
    if content is not None:
        path.write_bytes(content)
    assert_refused(cli("train", "bad.yaml", "--headless"), says)
    assert_refused(cli("validate", "bad.yaml"), says)
    said = cli("validate", "bad.yaml", "--json")
    assert said.code == 2
    found = json.loads(said.out)
    place = [f"{e['line']}:{e['column']}: {e['path']}" for e in found["errors"]]
    assert any(
        says in f"{where}: {e['message']}".replace(": :", ":")
        for where, e in zip(place, found["errors"], strict=True)
    )
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("lr", "is not of the form section.key=value"),
        ("=3", "is not of the form section.key=value"),
        ("a..b=1", "is not of the form section.key=value"),
        ("optimizer.lr=", "expected a number, not nothing"),
        ("optimizer.lr=fast", "expected a number, not the text 'fast'"),
        ("optimizer.lrr=1", "did you mean `lr`?"),
        ("optimizer.lr=[1", "not valid YAML"),
        ("model.layers.9=relu", "the last is number 1"),
        ("data=3", "expected a map"),
        ("trainer.epochs=-1", "greater than 0"),
        ("trainer.device=quantum", "unknown device `quantum`"),
        ("--bogus", "No such option: --bogus"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    cli: CommandLine, home: Path, override: str, says: str
) -> None:
    assert_refused(cli("train", "good.yaml", override, "--headless"), says)
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["--bogus"], "No such option: --bogus"),
        ([], "this needs a terminal"),
        (["train"], "which recipe?"),
        (["train", "good.yaml", "--detach", "--headless"], "exclude each other"),
        (["train", "vision/cnn-digts"], "did you mean `vision/cnn-digits`?"),
        (["train", "--resume", "x"], "there are no runs yet"),
        (["train", "--fork", "last@x"], "'x' is no step"),
        (["watch", "--plain"], "there are no runs yet"),
        (["watch", "none/", "--plain"], "there is no such folder"),
        (["pause", "a\x1b[31mb"], "there are no runs yet"),
        (["runs", "lr>>3"], "which is no number"),
        (["runs", "--runs", "good.yaml"], "this is a file, not a folder"),
        (["train", "good.yaml", "--headless", "--runs", "good.yaml"], "is no folder"),
        (["new", "good.yaml", "--from", "vision/cnn-digits"], "exists already"),
        (["new", "x.yaml", "--from", "nope"], "unknown recipe `nope`"),
        (["export", "last", "--to", "xlsx"], "--to csv, --to json or --to tensorboard"),
        (["set", "last", "foo=1"], "there are no runs yet"),
        (["set", "last", "lr=abc"], "'abc' is no number"),
        (["set", "last", "lr=-1"], "a learning rate is above 0"),
        (["compare", "a"], "two runs or more"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_command_line_that_makes_no_sense_is_refused(
    cli: CommandLine, home: Path, arguments: list[str], says: str
) -> None:
    assert_refused(cli(*arguments), says)
    assert run_folders(home / "runs") == []


def test_folders_that_only_look_like_runs_are_left_out_and_named(
    cli: CommandLine, home: Path
) -> None:
    runs = home / "runs"
    garbage = runs / "20260101-000000-garbage-1"
    garbage.mkdir(mode=0o700, parents=True)
    (garbage / "status.json").write_text("{")
    (runs / "20260102-000000-empty-1").mkdir(mode=0o700)
    (runs / "20260103-000000-file-1").touch()
    (runs / "20260104-000000-link-1").symlink_to(home)
    os.mkdir(os.fsencode(runs) + b"/20260105-000000-\xff\xfe-1", mode=0o700)
    said = cli("runs", "--json")
    assert (said.code, json.loads(said.out)) == (0, [])
    assert said.err.count("is left out") == 5
    for name, says in [
        ("garbage", "this is not the status of a run"),
        ("empty", "this folder is not a run"),
        ("file", "a run is a folder, this is not one"),
        ("link", "may not be symbolic links"),
        ("2026", "5 runs go by '2026'"),
    ]:
        for verb in (["doctor"], ["plot"], ["pause"], ["resume"], ["watch", "--plain"]):
            assert_refused(cli(*verb, name), says)


def problems(path: Path, text: str, *overrides: str) -> list[str]:
    path.write_text(text)
    found = describe_recipe(path, overrides)
    return [f"{error['path']}: {error['message']}" for error in found["errors"]]


ROWS = "".join(f"{row},{row % 7},{'ab'[row % 2]}\n" for row in range(40))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "data.path: {path}: there is no such file"),
        ("", "names no columns"),
        ("a,b,y\n", "the table has no rows"),
        ("a,b,y\n" + ROWS + "1,,a\n", "1 cells are empty: 'b' line 42"),
        ("a,b,y\n" + ROWS.replace(",b", ",a"), "there is one class only"),
        ("a,b,z\n" + ROWS, "data.target: {path} has no column 'y'"),
        ("a,b,y\n" + ROWS + "1,2\n", "table.csv:42: 2 cells where the header has 3"),
        ("a,a,y\n" + ROWS, "the column 'a' stands twice"),
        ("a,b,y\n" + ROWS.replace(",b", ",é"), "is no UTF-8"),
    ],
    ids=["missing", "empty", "header", "cells", "class", "target", "ragged", "twice", "latin1"],
)
def test_a_broken_table_is_told_with_its_place(home: Path, content: str | None, says: str) -> None:
    table = home / "table.csv"
    if content is not None:
        table.write_bytes(content.encode("latin-1"))
    found = problems(home / "table.yaml", TABLE)
    assert len(found) == 1
    assert says.format(path=table) in found[0]


def test_text_columns_of_a_table_are_taken_as_categories(home: Path) -> None:
    (home / "table.csv").write_text("a,b,y\n" + ROWS.replace("3,3", "x,3"))
    assert problems(home / "table.yaml", TABLE) == []


def test_a_parquet_file_that_is_cut_off_is_told(home: Path) -> None:
    (home / "table.csv").write_bytes(b"PAR1" + bytes(40))
    (found,) = problems(home / "table.yaml", TABLE)
    assert "Parquet" in found


def pictures(home: Path, **classes: int) -> None:
    for name, count in classes.items():
        folder = home / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (9, 9), (number, 0, 0)).save(folder / f"{number}.png")


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (None, "data.path: {path}: there is no such folder"),
        ({}, "no subfolder holds images"),
        ({"a": 4}, "there is one class only: a"),
        ({"a": 4, "b": 0}, "there is one class only: a"),
    ],
)
def test_a_folder_without_two_classes_is_told(
    home: Path, classes: dict[str, int] | None, says: str
) -> None:
    if classes is not None:
        (home / "pictures").mkdir()
        pictures(home, **classes)
    (found,) = problems(home / "pictures.yaml", FOLDER)
    assert says.format(path=home / "pictures") in found


def test_a_class_that_validation_lacks_is_noted(home: Path) -> None:
    pictures(home, **{"train/a": 4, "train/b": 4, "val/a": 2})
    (home / "pictures.yaml").write_text(FOLDER)
    found = describe_recipe(home / "pictures.yaml")
    assert found["errors"] == []
    assert "val has no images of b: not judged there" in found["notes"]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("{reshape: [7]}, {linear: 10}", "model.layers.0: reshape cannot take (2,1,8,8)"),
        (
            "{conv: 4, name: a}, {conv: 8, name: b}, {add: , in: [a, b]}, gap, {linear: 10}",
            "model.layers.2: add cannot take (2,4,8,8) and (2,8,8,8)",
        ),
        ("{residual: [{conv: 4}]}, gap, {linear: 10}", "try `shortcut: project`"),
        ("flatten, {linear: 7}", "the model gives (N,7), but the task classify needs (N,10)"),
    ],
)
def test_shapes_that_do_not_fit_name_the_layer_and_the_shapes(
    home: Path, layers: str, says: str
) -> None:
    text = GOOD.replace("flatten, {linear: $(data.classes)}", layers)
    (found,) = problems(home / "shapes.yaml", text)
    assert says in found


PLUGIN = """\
import dltui
from torch import nn

@dltui.layer("mine")
class Mine(nn.Module):
    def __init__(self, size: int = 1):
        super().__init__()
        self.size = 7 // size

    def forward(self, x):
        return x / 0 if self.size == 7 else x.nothing

@dltui.data_source("mine")
def source():
    raise KeyError("no such thing")
"""


def test_a_failing_plugin_is_reported_at_its_own_line(home: Path) -> None:
    plugin = home / "mine.py"
    plugin.write_text(PLUGIN)

    def found(text: str) -> str:
        (problem,) = problems(home / "plugged.yaml", text + "plugins: [mine.py]\n")
        return problem

    with_layer: Callable[[str], str] = lambda layer: GOOD.replace("flatten,", f"{layer}, flatten,")  # noqa: E731
    assert "has not been allowed to run" in found(with_layer("mine"))
    trust(plugin)
    assert f"{plugin}:8: layer mine cannot be made: ZeroDivisionError" in found(
        with_layer("{mine: 0}")
    )
    assert f"{plugin}:11: mine cannot take" in found(with_layer("{mine: 2}"))
    source = GOOD.replace("{type: builtin, name: digits,", "{type: plugin, name: mine,")
    assert f"{plugin}:15: the data source mine failed" in found(source)
    plugin.write_text(PLUGIN + "\n")
    assert "has not been allowed to run as it is now" in found(with_layer("mine"))
    plugin.write_text("import dltui\nraise OSError('gone')\n" + PLUGIN)
    trust(plugin)
    assert f"{plugin}:2: the plugin failed while it was imported" in found(with_layer("mine"))


def test_a_whole_start_with_a_missing_device_makes_no_run(home: Path) -> None:
    done = subprocess.run(
        [*dltui("train", "-", "--headless", "--device", "cuda:77", "--name", "né 😀/x")],
        input=GOOD,
        capture_output=True,
        text=True,
        env=os.environ | environment(home),
        cwd=home,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "this machine has no cuda:77" in done.stderr
    assert "Traceback" not in done.stderr
    assert run_folders(home / "runs") == []


def test_a_terminal_that_is_too_small_is_told_which_size_is_needed(home: Path) -> None:
    terminal = Terminal(dltui(), size=(20, 5), env=environment(home), cwd=home)
    try:
        shown = terminal.wait_for(lambda text: "60×16" in text)
        assert "Traceback" not in shown
    finally:
        terminal.hang_up()
