"""`dltui inspect FILE`: what stands on stdout and stderr, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.e2e.command_line import CommandLine

EVIL = "evil\x1b]0;title\x07\x1b[31m[bold]\x9b2Jname\x7f"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inspect") / "m.safetensors"
    tensors = {
        "layer.0.weight": torch.arange(12.0).reshape(3, 4),
        "layer.1.weight": torch.tensor([1.5, float("nan"), float("-inf")]).bfloat16(),
        "waves": torch.tensor([1 + 2j]),
        EVIL: torch.tensor(2),
    }
    save_file(tensors, path, metadata={"format": "pt", EVIL: EVIL})
    return path


def sparse(path: Path, size_bytes: int) -> Path:
    """A safetensors file of zeros that takes no room on the disk."""
    entry = {"dtype": "F32", "shape": [size_bytes // 4], "data_offsets": [0, size_bytes]}
    header = json.dumps({"w": entry}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size_bytes)
    return path


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


def value_of(cli: CommandLine, *arguments: str) -> Any:
    said = cli("inspect", *arguments, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.out.replace("\n", "").isprintable()
    return json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def dltui(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dltui", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def test_a_file_as_one_json_value(cli: CommandLine, weights: Path) -> None:
    found = value_of(cli, str(weights))
    assert found["format"] == "safetensors"
    assert found["bytes"] == weights.stat().st_size
    assert found["parameters"] == 12 + 3 + 1 + 1
    assert found["globals"] == []
    assert found["metadata"] == {"format": "pt", EVIL: EVIL}
    tensors = {tensor["name"]: tensor for tensor in found["tensors"]}
    assert set(tensors) == {"layer.0.weight", "layer.1.weight", "waves", EVIL}
    first = tensors["layer.0.weight"]
    assert (first["shape"], first["dtype"], first["bytes"]) == ([3, 4], "float32", 48)


def test_in_a_pipe_a_file_is_text_that_no_terminal_obeys(weights: Path) -> None:
    done = dltui("inspect", weights)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert "layer.0.weight" in text
    assert "3×4" in text
    assert "17 parameters" in text
    assert text.replace("\n", "").isprintable()
    assert "[bold]" in text


def test_the_part_of_a_tensor_that_was_asked_for(cli: CommandLine, weights: Path) -> None:
    found = value_of(cli, str(weights), "--tensor", "layer.0.weight", "--slice", "-1, ::2")
    assert (found["slice"], found["values"]) == ("2, 0:4:2", [8.0, 10.0])
    found = value_of(cli, str(weights), "--tensor", "1.weight")
    assert found["values"] == [1.5, "NaN", "-Infinity"]
    assert value_of(cli, str(weights), "--tensor", "waves")["values"] == [[1.0, 2.0]]
    said = cli("inspect", str(weights), "--view", "values", "--tensor", "0.weight")
    assert said.out.splitlines()[0] == "layer.0.weight[0:3, 0:4]  of float32 3×4"
    assert said.out.splitlines()[3].split() == ["8", "9", "10", "11"]


def test_tensors_and_metadata_alone(cli: CommandLine, weights: Path) -> None:
    assert len(value_of(cli, str(weights), "--view", "tensors")) == 4
    found = value_of(cli, str(weights), "--view", "metadata")
    assert (found["metadata"]["format"], found["files"]) == ("pt", [str(weights)])
    assert "format: pt" in cli("inspect", str(weights), "--view", "metadata", "--plain").out


def test_what_the_file_is_beside_its_tensors(cli: CommandLine, weights: Path) -> None:
    found = value_of(cli, str(weights))
    (part,) = found["parts"]
    assert (part["kind"], part["tensors"], part["bytes"]) == ("model", 4, 48 + 6 + 8 + 8)
    memory = {row["title"]: row["bytes"] for row in found["memory"]}
    assert memory == {row["title"]: row["bytes"] for row in value_of(cli, *view(weights, "memory"))}
    assert memory["file"] == weights.stat().st_size
    assert "Adam training" in cli("inspect", *view(weights, "memory")).out


def view(weights: Path, name: str, *more: str) -> list[str]:
    return [str(weights), "--view", name, *more]


def test_the_tree_of_modules(cli: CommandLine, weights: Path) -> None:
    (root,) = value_of(cli, *view(weights, "tree"))
    assert root["parameters"] == 17
    layer = next(child for child in root["children"] if child["name"] == "layer")
    assert [child["path"] for child in layer["children"]] == ["layer.0", "layer.1"]
    assert layer["children"][0]["tensors"][0]["name"] == "layer.0.weight"
    text = cli("inspect", *view(weights, "tree")).out
    assert text.replace("\n", "").isprintable()
    assert "3×4" in text


def test_the_statistics_of_all_tensors_or_of_one(cli: CommandLine, weights: Path) -> None:
    found = {
        tensor["name"]: tensor["statistics"] for tensor in value_of(cli, *view(weights, "stats"))
    }
    assert (found["layer.0.weight"]["mean"], found["layer.0.weight"]["zeros"]) == (5.5, 1)
    broken = found["layer.1.weight"]
    assert (broken["nan"], broken["infinite"], broken["max"]) == (1, 1, 1.5)
    (one,) = value_of(cli, *view(weights, "stats", "--tensor", "1.weight"))
    assert one["statistics"] == broken
    rows = [line.split() for line in cli("inspect", *view(weights, "stats")).out.splitlines()]
    assert ["layer.0.weight", "3×4", "0", "11", "5.5", "3.452", "1", "0", "0"] in rows


def test_the_histogram_of_a_tensor(cli: CommandLine, weights: Path) -> None:
    arguments = view(weights, "histogram", "--tensor", "0.weight")
    found = value_of(cli, *arguments)
    assert (found["low"], found["high"], sum(found["counts"])) == (0.0, 11.0, 12)
    assert found["percentiles"]["50"] == pytest.approx(5.5, abs=0.6)
    assert "#" in cli("inspect", *arguments).out


def test_a_matrix_as_a_picture(cli: CommandLine, weights: Path) -> None:
    arguments = view(weights, "picture", "--tensor", "0.weight")
    found = value_of(cli, *arguments)
    (image,) = found["images"]
    assert (len(image), len(image[0]), image[0][0]) == (3, 4, 128)
    assert max(max(row) for row in image) > 250
    assert "@" in cli("inspect", *arguments).out


def test_the_spectrum_of_a_matrix(cli: CommandLine, weights: Path) -> None:
    arguments = view(weights, "spectrum", "--tensor", "0.weight")
    found = value_of(cli, *arguments)
    wanted = torch.linalg.svdvals(torch.arange(12.0).reshape(3, 4)).tolist()
    assert found["singular_values"][:2] == pytest.approx(wanted[:2], rel=1e-4)
    assert found["stable_rank"] == pytest.approx(506 / wanted[0] ** 2, rel=1e-4)
    assert "stable_rank" in cli("inspect", *arguments).out


def test_a_filter_leaves_what_passes(cli: CommandLine, weights: Path) -> None:
    found = value_of(cli, str(weights), "--filter", "weight dtype:bf16")
    assert [tensor["name"] for tensor in found["tensors"]] == ["layer.1.weight"]
    found = value_of(cli, *view(weights, "stats", "--filter", ">10"))
    assert [tensor["name"] for tensor in found] == ["layer.0.weight"]
    said = cli("inspect", str(weights), "--filter", ">x")
    assert (said.code, "compares with no number" in said.err) == (2, True)


def test_the_state_of_an_optimizer_beside_its_parameters(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    moments = {f"optimizer.state.0.{slot}": torch.zeros(2) for slot in ("exp_avg", "exp_avg_sq")}
    save_file({"model.w": torch.ones(2)} | moments, path)
    slots = value_of(cli, *view(path, "optimizer"))
    assert {(slot["parameter"], slot["slot"]) for slot in slots} == {
        ("model.w", "exp_avg"),
        ("model.w", "exp_avg_sq"),
    }
    assert value_of(cli, *view(path, "optimizer", "--tensor", "model.w")) == slots
    found = value_of(cli, str(path))
    assert found["parameters"] == 2
    assert [part["kind"] for part in found["parts"]] == ["model", "optimizer"]
    assert "exp_avg_sq" in cli("inspect", *view(path, "optimizer")).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--view", "nothing"], "there is no view 'nothing'"),
        (["--view", "values"], "name it with --tensor"),
        (["--view", "tensors", "--slice", "0"], "--slice goes with"),
        (["--tensor", "weight"], "did you mean 'layer.0.weight', 'layer.1.weight'?"),
        (["--tensor", "layer.0.wight"], "did you mean 'layer.0.weight'"),
        (["--tensor", "0.weight", "--slice", "9"], "outside a dimension of 3"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    cli: CommandLine, weights: Path, arguments: list[str], says: str
) -> None:
    said = cli("inspect", str(weights), *arguments)
    assert (said.code, said.out) == (2, "")
    assert says in said.err


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--plain"]])
def test_a_bad_file_gets_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x1b]0;title\x07" * 50)
    for path, says in ((bad, b"no checkpoint"), (tmp_path / "none", b"no such file")):
        done = dltui("inspect", path, *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert says in done.stderr
        assert b"Traceback" not in done.stderr
        assert b"\x1b" not in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_what_is_wrong_with_the_values_is_told_with_its_tensor(
    cli: CommandLine, weights: Path
) -> None:
    found = value_of(cli, str(weights))
    assert found["checked"] == "values"
    broken = [finding for finding in found["findings"] if finding["tensor"] == "layer.1.weight"]
    assert any("NaN" in finding["message"] for finding in broken)
    assert found["findings"][0]["severity"] == "error"
    alone = value_of(cli, *view(weights, "findings"))
    assert alone == {"checked": "values", "findings": found["findings"]}
    assert "error: layer.1.weight: " in cli("inspect", str(weights)).out


@pytest.mark.parametrize(("limit", "most"), [("CHECKED_BYTES", 7), ("CHECKED_TENSORS", 0)])
def test_values_of_a_large_file_are_read_where_that_is_asked_for(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    save_file({"w": torch.tensor([float("nan"), 1.0])}, tmp_path / "f")
    monkeypatch.setattr(f"dltui.inspect.describe.{limit}", most)
    found = value_of(cli, str(tmp_path / "f"))
    assert (found["checked"], found["findings"]) == ("names", [])
    assert "statistics" not in found["tensors"][0]
    assert "--stats reads the values" in cli("inspect", str(tmp_path / "f")).out
    found = value_of(cli, str(tmp_path / "f"), "--stats")
    assert found["checked"] == "values"
    assert found["tensors"][0]["statistics"]["nan"] == 1
    assert len(found["findings"]) == 1


def test_listing_imports_neither_numpy_nor_a_parser_of_the_command_line(tmp_path: Path) -> None:
    large = sparse(tmp_path / "large.safetensors", 400_000_000)
    code = (
        f"import sys; sys.argv = ['dltui', 'inspect', {str(large)!r}, '--json']\n"
        "import atexit, dltui.cli\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "dltui.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert json.loads(done.stdout)["checked"] == "names"
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "dltui" in loaded
    assert not loaded & {"torch", "numpy", "typer", "rich", "pydantic", "textual", "safetensors"}


def test_a_folder_that_is_no_checkpoint_says_whether_its_files_may_be(
    cli: CommandLine, tmp_path: Path
) -> None:
    empty = cli("inspect", str(tmp_path))
    assert (empty.code, empty.out) == (2, "")
    assert "there is no checkpoint in this folder" in empty.err
    for name in ("a", "b"):
        save_file({"w": torch.ones(1)}, tmp_path / f"{name}.safetensors")
    several = cli("inspect", str(tmp_path))
    assert (several.code, several.out) == (2, "")
    assert "this folder holds several files" in several.err
    assert "a.safetensors, b.safetensors" in several.err
