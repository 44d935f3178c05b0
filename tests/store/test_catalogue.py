"""Finding, listing, filtering and exporting runs."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from dltui.cli.runs import list_runs
from dltui.errors import RunNotFoundError, StoreError, UsageError
from dltui.runs.catalogue import Catalogue, find_run
from dltui.runs.events import EventLog
from dltui.runs.export import to_csv, to_json, whole_file
from dltui.runs.filter import RunFilter, flat_settings
from dltui.runs.layout import RunFolder, create_run
from dltui.runs.metrics import MetricLog
from dltui.runs.reader import RunReader
from dltui.runs.status import Best, Status, read_status, write_status


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dltui"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for number, (name, state, lr) in enumerate(
        [("mlp", "finished", 0.01), ("gpt", "failed", 0.001), ("mlp", "stopped", 0.1)]
    ):
        status = Status(
            state=state,  # type: ignore[arg-type]
            task="next_token" if name == "gpt" else "classify",
            recipe=f"basics/{name}",
            metrics={"val/accuracy": 0.9 + number / 100, "val/loss": math.nan},
            best=Best("val/accuracy", 0.95, 10),
        )
        settings = flat_settings({"optimizer": {"type": "adam", "lr": lr}, "seed": number})
        create_run(folder, name, "", "", status, settings=settings, now=1e9 + number)
    return folder


def names(runs: Path) -> list[str]:
    return [summary.name for summary in Catalogue(runs).list()]


def test_runs_are_listed_newest_first_with_the_documented_keys(runs: Path) -> None:
    found = Catalogue(runs).list()
    assert [summary.name for summary in found] == ["mlp-2", "gpt-1", "mlp-1"]
    plain = json.loads(json.dumps([summary.as_json() for summary in found], allow_nan=False))
    assert set(plain[0]) >= {
        *("id", "name", "path", "recipe", "state", "epoch", "step", "progress", "started"),
        *("elapsed_s", "device", "pid", "metrics", "best"),
    }
    assert plain[0]["metrics"] == {"val/accuracy": 0.92, "val/loss": None}
    assert plain[0]["best"] == {"metric": "val/accuracy", "value": 0.95, "step": 10}


def test_the_list_follows_changes_and_does_not_need_its_cache(runs: Path, cache: Path) -> None:
    assert names(runs) == ["mlp-2", "gpt-1", "mlp-1"]
    (database,) = cache.glob("runs-*.sqlite")
    newest = Catalogue(runs).list()[0]
    write_status(newest.folder.path, Status(state="finished", step=77))
    assert Catalogue(runs).list()[0].status.step == 77
    database.write_bytes(b"this is no database" * 100)
    assert names(runs) == ["mlp-2", "gpt-1", "mlp-1"]
    database.unlink()
    assert names(runs) == ["mlp-2", "gpt-1", "mlp-1"]
    database.unlink()
    database.mkdir()
    assert names(runs) == ["mlp-2", "gpt-1", "mlp-1"]


def test_a_locked_cache_does_not_hold_up_the_list(runs: Path, cache: Path) -> None:
    names(runs)
    (database,) = cache.glob("runs-*.sqlite")
    holder = sqlite3.connect(database)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert names(runs) == ["mlp-2", "gpt-1", "mlp-1"]
    finally:
        holder.close()


def test_broken_and_foreign_runs_are_left_out_with_a_reason(runs: Path) -> None:
    found = Catalogue(runs).list()
    found[0].folder.status_path.write_text("{")
    found[1].folder.path.chmod(0o777)
    catalogue = Catalogue(runs)
    assert [summary.name for summary in catalogue.list()] == ["mlp-1"]
    assert set(catalogue.problems) == {found[0].id, found[1].id}


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("last", "mlp-2"), ("mlp-1", "mlp-1"), ("gpt", "gpt-1"), ("g", "gpt-1")],
)
def test_a_run_is_found_by_what_a_person_calls_it(runs: Path, wanted: str, name: str) -> None:
    assert find_run(runs, wanted).name == name


def test_a_run_is_found_by_id_prefix_and_path(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = find_run(runs, "last")
    assert find_run(runs, newest.id) == newest
    assert find_run(runs, newest.id[:-4]) == newest
    assert find_run(Path("/nowhere"), str(newest.path)) == newest
    monkeypatch.chdir(runs)
    assert find_run(Path("/nowhere"), f"./{newest.id}") == newest
    assert find_run(Path("/nowhere"), "./") == newest


@pytest.mark.parametrize(
    ("wanted", "message"), [("mlp", "2 runs go by"), ("x", "no run"), ("", "no run")]
)
def test_an_unclear_name_is_an_error_that_helps(runs: Path, wanted: str, message: str) -> None:
    with pytest.raises(RunNotFoundError, match=message):
        find_run(runs, wanted)


def test_an_empty_folder_says_how_to_start(tmp_path: Path) -> None:
    assert names(tmp_path / "none") == []
    with pytest.raises(RunNotFoundError, match="dltui train"):
        find_run(tmp_path / "none", "last")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["mlp-2", "gpt-1", "mlp-1"]),
        ("state:finished", ["mlp-1"]),
        ("state:finished,failed", ["gpt-1", "mlp-1"]),
        ("task:classify lr>=1e-2 -name:mlp-2", ["mlp-1"]),
        ("lr<0.01", ["gpt-1"]),
        ("optimizer.lr=0.1", ["mlp-2"]),
        ("val/accuracy>0.905", ["mlp-2", "gpt-1"]),
        ("accuracy>0.915", ["mlp-2"]),
        ("-state:finished MLP", ["mlp-2"]),
        ("name:m*-1", ["mlp-1"]),
        ("state!=failed", ["mlp-2", "mlp-1"]),
        ("basics/gpt", ["gpt-1"]),
        ("unknown>1", []),
        ('"mlp-1"', ["mlp-1"]),
        ("seed=0", ["mlp-1"]),
        ("optimizer.type=adam seed>=1", ["mlp-2", "gpt-1"]),
    ],
)
def test_a_filter_line_chooses_runs(runs: Path, text: str, expected: list[str]) -> None:
    wanted = RunFilter.parse(text)
    found = Catalogue(runs).list()
    assert [each.name for each in found if wanted.matches(each.facts())] == expected


@pytest.mark.parametrize("text", ["state:", "lr>=fast", "-lr>"])
def test_a_filter_that_makes_no_sense_names_the_term(text: str) -> None:
    with pytest.raises(UsageError, match="the filter term"):
        RunFilter.parse(text)


def test_a_key_that_no_run_knows_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_runs(runs, filters=("bogus:1", "state:running")) == 0
    assert "no run passes this filter" in (said := capsys.readouterr().err)
    assert said.endswith(": none has bogus\n")


def recorded(run: RunFolder) -> RunReader:
    log = MetricLog(run.metric_log("train"), ("loss", "lr"))
    log.append(1, 100.0, (0.5, None))
    log.append(2, 101.0, (math.nan, 0.1))
    log.close()
    events = EventLog(run.events)
    events.append("log", "hello")
    events.close()
    write_status(run.path, Status(state="finished", steps_per_epoch=2))
    reader = RunReader(run)
    assert reader.poll()
    assert not reader.poll()
    return reader


def test_a_reader_shows_the_whole_run_in_one_object(run: RunFolder) -> None:
    reader = recorded(run)
    assert reader.metric_names() == ["train/loss", "train/lr"]
    assert reader.metric("train/lr").steps.tolist() == [2]
    assert len(reader.metric("val/nothing")) == 0
    assert reader.state == "finished"
    assert [event.message for event in reader.events] == ["hello"]
    assert reader.arrays("layers") is None
    run.metric_log("broken").write_bytes(b"no log\n")
    assert reader.poll()
    assert "not a metric log" in reader.problems["broken.rank0.log"]
    assert len(reader.metric("train/loss")) == 2


def test_csv_has_one_row_a_point(run: RunFolder) -> None:
    stream = io.StringIO()
    assert to_csv(recorded(run), stream) == 3
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))
    assert rows[0] == {
        "metric": "train/loss",
        "step": "1",
        "epoch": "0.5",
        "time": "100.0",
        "value": "0.5",
    }
    assert rows[1]["value"] == "nan"
    assert [row["metric"] for row in rows] == ["train/loss", "train/loss", "train/lr"]
    with pytest.raises(UsageError, match="no metric 'x'"):
        to_csv(recorded(run), io.StringIO(), ["x"])


def test_json_is_strict_and_holds_run_metrics_and_events(run: RunFolder) -> None:
    stream = io.StringIO()
    to_json(recorded(run), stream)
    found = json.loads(stream.getvalue(), parse_constant=lambda name: pytest.fail(name))
    assert found["run"]["state"] == "finished"
    assert found["metrics"]["train/loss"] == {
        "steps": [1, 2],
        "times": [100.0, 101.0],
        "values": [0.5, None],
    }
    assert found["events"][0]["message"] == "hello"


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"

    def interrupted() -> None:
        with whole_file(target) as stream:
            stream.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.glob("*out*")) == []
    with pytest.raises(StoreError, match="cannot write"), whole_file(tmp_path / "no" / "x"):
        pass
    with whole_file(target) as stream:
        stream.write("whole")
    assert target.read_text() == "whole"


def fill(path: Path) -> None:
    """Writes until nothing more fits."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_really_full_disk_loses_nothing_that_fits_into_memory(tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        run = create_run(disk / "runs", "full", "", "", Status())
        log = MetricLog(run.metric_log("train"), ("loss",))
        ballast = disk / "ballast"
        fill(ballast)
        for step in range(3000):
            log.append(step, 0.0, (float(step),))
        assert log.pending > 0
        with pytest.raises(StoreError, match="cannot make a run"):
            create_run(disk / "runs", "second", "", "", Status())
        assert [path.name for path in (disk / "runs").iterdir()] == [run.id]
        assert read_status(run.path).name == "full-1"
        ballast.unlink()
        log.close()
        reader = RunReader(run)
        reader.poll()
        assert reader.metric("train/loss").steps.tolist() == list(range(3000))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
