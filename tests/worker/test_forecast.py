"""Forecasts: losses and metrics against plain sums, and real runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dltui.errors import DataError
from dltui.recipe import trust
from dltui.recipe.schema.data import Split
from dltui.runs import ArrayReader, RunFolder, read_status
from dltui.worker.data.series_windows import SeriesWindows, Timeline, stretches, windows
from dltui.worker.describe import describe_recipe
from dltui.worker.losses import pinball
from dltui.worker.tasks.forecast import naive_error
from dltui.worker.tasks.forecast_artefacts import _one_after_another
from dltui.worker.tasks.forecast_metrics import ErrorRatio
from tests.worker.conftest import MakeRun, resumed_bitwise, train
from tests.worker.test_image_recipes import trained

WAVE = """
dltui: 1
name: wave
data: {type: series, path: PATH, time: t, context: 16, horizon: 4, batch_size: 16}
model: {layers: [flatten, {linear: $(data.horizon * data.targets * LEVELS)}]}
task: {type: forecast, season: 8, LOSS}
metrics: [mase, mae, mse, smape, relative_mae]
optimizer: {type: adam, lr: 0.02}
trainer: {epochs: 12, device: cpu}
"""
QUANTILE = "loss: {type: quantile, levels: [0.1, 0.5, 0.9]}"


@pytest.fixture
def wave(tmp_path: Path) -> str:
    """A recipe on 240 days of two waves with noise, their steps dates."""
    random = np.random.default_rng(0)
    start = np.datetime64("2024-01-01")
    lines = ["t,a,b"]
    for step in range(240):
        a, b = 10 + 3 * np.sin(step * 0.7) + random.normal(0, 0.1), np.cos(step * 0.7)
        lines.append(f"{start + step},{a:.4f},{b:.4f}")
    path = tmp_path / "wave.csv"
    path.write_text("\n".join(lines) + "\n")
    return WAVE.replace("PATH", str(path))


def as_points(text: str) -> str:
    return text.replace("LEVELS", "1").replace(", LOSS", "")


def as_quantiles(text: str) -> str:
    return text.replace("LEVELS", "3").replace("LOSS", QUANTILE).replace("mse", "coverage")


def drawn(folder: RunFolder) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    reader = ArrayReader(folder.array_log("series"))
    reader.poll()
    frame = reader.last()
    return frame.arrays, dict(frame.meta)


def test_a_forecast_is_better_than_the_naive_one_and_told_in_the_series_own_units(
    make_run: MakeRun, wave: str
) -> None:
    folder = make_run(as_points(wave))
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert metrics["val/mase"] < 0.5
    assert metrics["val/relative_mae"] < 0.5
    arrays, meta = drawn(folder)
    assert meta["names"] == ["a", "b"]
    assert meta["time_label"] == "t"
    assert set(arrays) == {"time", "truth", "prediction"}
    assert arrays["time"][0] == pytest.approx(2024.48, abs=0.1)
    said = ~np.isnan(arrays["prediction"])
    assert (~said[:, :16]).all()
    assert said[:, 16:].all()
    assert arrays["truth"].shape == arrays["prediction"].shape == (2, 16 + 48)
    mae = np.abs(arrays["truth"] - arrays["prediction"])[said].mean()
    assert mae == pytest.approx(metrics["val/mae"], rel=0.2)


def test_quantiles_draw_an_interval_that_holds_most_of_the_truth(
    make_run: MakeRun, wave: str
) -> None:
    folder = make_run(as_quantiles(wave), "trainer.epochs=25")
    assert train(folder) == 0
    metrics = read_status(folder.path).metrics
    assert 0.4 < metrics["val/coverage"] <= 1
    arrays, _ = drawn(folder)
    said = ~np.isnan(arrays["prediction"])
    assert (arrays["low"][said] <= arrays["prediction"][said]).all()
    assert (arrays["prediction"][said] <= arrays["high"][said]).all()


def test_training_goes_on_bitwise_from_the_middle_of_an_epoch(make_run: MakeRun, wave: str) -> None:
    resumed_bitwise(lambda: make_run(as_quantiles(wave)), 17)


def test_from_last_begins_with_the_forecast_that_nothing_changes(
    make_run: MakeRun, wave: str
) -> None:
    folder = make_run(
        as_points(wave),
        "task.from_last=true",
        "task.season=1",
        "model.init=[{match: '*', init: zeros}]",
        "optimizer.lr=1e-30",
        "trainer.epochs=1",
    )
    assert train(folder) == 0
    assert read_status(folder.path).metrics["val/relative_mae"] == pytest.approx(1)


def test_the_pinball_loss_is_that_of_its_definition() -> None:
    torch.manual_seed(0)
    outputs, truth, levels = torch.randn(5, 4, 2, 3), torch.randn(5, 4, 2), [0.1, 0.5, 0.8]
    plain = 0.0
    for place, level in enumerate(levels):
        for said, true in zip(outputs[..., place].flatten(), truth.flatten(), strict=True):
            plain += float(level * (true - said) if true >= said else (1 - level) * (said - true))
    loss = pinball(outputs, truth, torch.tensor(levels))
    assert loss.item() == pytest.approx(plain / outputs.numel(), rel=1e-5)


def test_the_naive_error_is_that_of_its_definition() -> None:
    series = torch.tensor([[1.0, 10], [2, 20], [4, 10], [8, 20], [16, 30]]).unsqueeze(0)
    assert naive_error(series, 2).tolist() == pytest.approx([(3 + 6 + 12) / 3, (0 + 0 + 20) / 3])
    with pytest.raises(DataError, match="a season of 5 steps does not fit"):
        naive_error(series, 5)
    with pytest.raises(DataError, match="repeats itself exactly after 2 steps"):
        naive_error(torch.tensor([1.0, 2, 1, 2, 1]).reshape(1, 5, 1), 2)


def test_the_windows_drawn_follow_each_other_up_to_the_newest() -> None:
    values = torch.arange(50, dtype=torch.float32).unsqueeze(1)
    none = torch.zeros(50, dtype=torch.bool)
    timeline = Timeline(values, torch.arange(50).double(), none, ("y",), 1)
    found = windows(timeline, stretches(50, Split()), 4, 3, standardize=True, where="y")["val"]
    assert isinstance(found, SeriesWindows)
    starts = sorted(int(found.starts[number]) for number in _one_after_another(found))
    assert starts == [37, 40, 43]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("LEVELS", "2", "the model gives (N,16), but the task forecast needs (N,8)"),
        (
            "LOSS",
            "loss: {type: quantile, levels: [0.1, 0.9]}",
            "levels rise, and 0.5 is among them",
        ),
        (
            "type: forecast, season: 8",
            "type: regress",
            "series data goes with task forecast, not regress",
        ),
        ("season: 8", "seasn: 8", "unknown key `seasn`; did you mean `season`"),
        ("mse", "accuracy", "`accuracy` does not fit task forecast"),
    ],
)
def test_what_does_not_fit_is_refused_by_validate(
    old: str, new: str, message: str, wave: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(as_points(wave.replace(old, new)))
    errors = describe_recipe(path)["errors"]
    assert any(message in error["message"] for error in errors), errors


@pytest.mark.parametrize(
    ("change", "message"),
    [("metrics=[coverage]", "task.loss.type=quantile"), ("task.season=17", "context of 16")],
)
def test_a_metric_that_cannot_be_had_says_why(
    change: str, message: str, make_run: MakeRun, wave: str
) -> None:
    folder = make_run(as_points(wave), change)
    assert train(folder) != 0
    assert message in read_status(folder.path).message


PLUGIN = """
import torch
import dltui

@dltui.data_source("ramps")
def ramps(count=40):
    starts = torch.rand(count, 1, generator=torch.Generator().manual_seed(0)) * 5
    lines = (starts + torch.arange(12.0)).unsqueeze(-1)
    return lines[:, :8], lines[:, 8:]
"""


def test_windows_of_a_plugin_are_foretold_and_drawn_one_by_one(
    make_run: MakeRun, wave: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "ramps.py").write_text(PLUGIN)
    trust(tmp_path / "ramps.py")
    lines = as_points(wave).splitlines()
    lines[3:4] = ["plugins: [ramps.py]", "data: {type: plugin, name: ramps}"]
    folder = make_run("\n".join(lines), "task.season=1", "task.from_last=true")
    assert train(folder) == 0
    arrays, meta = drawn(folder)
    assert meta["names"] == [f"example {number}" for number in range(8)]
    assert arrays["time"].tolist() == list(range(-8, 4))
    assert np.isnan(arrays["prediction"][:, :8]).all()
    assert read_status(folder.path).metrics["val/mase"] < 3


@pytest.mark.parametrize(
    "name", ["series/lstm-sunspots", "series/transformer-sunspots", "series/gru-mackey-glass"]
)
def test_a_recipe_for_series_trains(name: str, tmp_path: Path) -> None:
    if "sunspots" in name:
        pytest.importorskip("statsmodels", exc_type=ImportError)
    smaller = ["data.length=400"] if "glass" in name else []
    trained(name, tmp_path, *smaller, metric="mase")


def test_the_recipe_for_a_table_trains_on_one_with_dates_holes_and_gaps(tmp_path: Path) -> None:
    lines = ["day,sold,price"]
    for step in range(400):
        day = np.datetime64("2023-01-01") + step + (step > 200)
        sold = "" if step == 50 else f"{20 + step / 40 + 5 * (step % 7 == 0)}"
        lines.append(f"{day},{sold},{3 + step % 3}")
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    trained(
        "series/lstm-csv",
        tmp_path,
        f"data.path={tmp_path / 'sales.csv'}",
        "data.time=day",
        "data.columns=[sold,price]",
        "data.target=sold",
        "data.missing=interpolate",
        "data.gaps=split",
        "data.context=21",
        "data.horizon=7",
        "task.season=7",
        metric="mase",
    )


def test_the_relative_error_is_a_ratio_of_sums_over_all_batches() -> None:
    metric = ErrorRatio()
    metric.update(torch.tensor([1.0, 2]), torch.tensor([2.0, 2]), torch.tensor([4.0, 3]))
    metric.update(torch.tensor([5.0]), torch.tensor([3.0]), torch.tensor([2.0]))
    assert metric.compute().item() == pytest.approx((1 + 0 + 2) / (2 + 1 + 1))
