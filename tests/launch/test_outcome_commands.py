"""What `watch --plain`, `plot` and `export` tell of the outcomes of evaluations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltui.cli import export, follow, plot
from dltui.errors import UsageError
from dltui.runs import (
    ArrayLog,
    RunFolder,
    pair_files,
    picture_files,
    publish_files,
    read_status,
    write_status,
)


@pytest.fixture
def home(run: RunFolder) -> Path:
    """The folder of one ended run that left something of every kind."""
    publish_files(run.samples, 40, picture_files(40, "boxes", [(b"", ""), (b"", "")], columns=2))
    rows = [["ab", "ba", "ba"], ["cd", "dc", "d\x1b[2Jd"]]
    publish_files(run.samples, 40, pair_files(40, "reversed", rows, [True, False]))
    text = {"step": 40, "prompt": "Once ", "temperature": 0.7, "samples": ["upon\na time"]}
    publish_files(run.samples, 40, {"text.json": json.dumps(text).encode()})
    log = ArrayLog(run.array_log("series"))
    truth = np.arange(20.0)[None]
    prediction = np.where(truth > 9, truth + 2, np.nan)
    meta = {"title": "load", "names": ["north"], "time_label": "day"}
    log.append(40, 1e9, meta, {"truth": truth, "prediction": prediction, "time": np.arange(20.0)})
    log.close()
    log = ArrayLog(run.array_log("scatter"))
    label = np.repeat([0, 1], 5)
    meta = {"title": "codes", "classes": ["cat", "dog"]}
    log.append(40, 1e9, meta, {"x": label * 4.0, "y": label * 1.0, "label": label})
    log.close()
    write_status(run.path, replace(read_status(run.path), state="finished", step=40))
    return run.path.parent


def test_plain_watching_tells_what_evaluations_left(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow.watch_plain(home, "last") == 0
    out = capsys.readouterr().out
    for line in (
        "step 40  boxes: 2 pictures in samples/step_00000040",
        "step 40  reversed: 1 of 2 right; e.g. source cd, truth dc, output dd",
        "step 40  text at temperature 0.7: Once upon a time",
        "step 40  load: north off by 2.00",
        "step 40  codes: 10 points, 100% nearest to the centre of their class",
    ):
        assert line in out
    assert "\x1b" not in out


@pytest.mark.parametrize(("figure", "sign"), [("series", "north"), ("latent", "dog")])
def test_plot_draws_forecasts_and_maps(
    home: Path, capsys: pytest.CaptureFixture[str], figure: str, sign: str
) -> None:
    assert plot.plot(home, "last", [figure], width=70, height=12) == 0
    assert sign in capsys.readouterr().out


def test_plot_says_what_there_is(home: Path) -> None:
    with pytest.raises(UsageError, match="series, latent"):
        plot.plot(home, "last", ["val/nothing"])


def test_plot_of_a_figure_that_is_not_there_is_refused(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="no forecast"):
        plot.plot(run.path.parent, "last", ["series"])


def test_the_json_export_holds_series_and_maps_strictly(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.export(home, "last", "json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    series = found["series"]
    assert (series["step"], series["title"], series["names"]) == (40, "load", ["north"])
    assert series["prediction"][0][9:12] == [None, 12.0, 13.0]
    assert found["scatter"]["label"] == [0] * 5 + [1] * 5
