"""Series: divided by time, cut into windows, and what is wrong with a table of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import DataError
from dltui.recipe.schema.data import Split
from dltui.worker.data import describe, open_data
from dltui.worker.data.series_windows import SeriesWindows, Timeline, stretches, windows
from dltui.worker.data.sources.mackey_glass import mackey_glass
from dltui.worker.data.sources.series import _KNOWN

Write = Callable[[str], str]
SMALL = {"type": "series", "context": 4, "horizon": 2, "batch_size": 1000}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str) -> str:
        path = tmp_path / "series.csv"
        path.write_text(text)
        return str(path)

    return make


def rows(count: int, line: str) -> str:
    """`count` lines of `line` with the row number as `n`."""
    return "".join(line.format(n=number, square=number * number) + "\n" for number in range(count))


def opened(recipe: Any, **data: Any) -> Any:
    wanted = recipe("forecast", **{**SMALL, **data})
    found = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == found.info
    return found


def refusal(recipe: Any, **data: Any) -> str:
    with pytest.raises(DataError) as caught:
        describe(recipe("forecast", **{**SMALL, **data}))
    return str(caught.value)


def test_what_is_foretold_lies_in_the_part_and_what_is_seen_before_it(
    recipe: Any, write: Write
) -> None:
    data = opened(recipe, path=write("y\n" + rows(50, "{n}")), standardize=False)
    (train,), (val,) = data.train.epoch(0), data.val.epoch(0)
    assert train.inputs.shape[1:] == (4, 1)
    assert val.targets.shape[1:] == (2, 1)
    assert train.targets.max() == 39
    assert (val.targets.min(), val.targets.max(), val.inputs.min()) == (40, 49, 36)
    for batch in (train, val):
        steps = torch.cat([batch.inputs, batch.targets], dim=1).squeeze(-1)
        assert bool((steps.diff(dim=1) == 1).all())
    assert (data.info.train_size, data.info.val_size) == (35, 9)


def test_series_are_standardised_by_the_training_part_alone(recipe: Any, write: Write) -> None:
    data = opened(recipe, path=write("y\n" + rows(50, "{n}")))
    train = data.parts["train"]
    assert train.mean.item() == pytest.approx(19.5)
    assert train.std.item() == pytest.approx(math.sqrt((40**2 - 1) / 12), rel=1e-5)
    (batch,) = data.val.epoch(0)
    assert batch.targets.min() == 40


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(30, 120),
    context=st.integers(1, 6),
    horizon=st.integers(1, 4),
    holes=st.sets(st.integers(0, 119), max_size=6),
    jumps=st.sets(st.integers(0, 119), max_size=4),
)
def test_no_window_holds_a_hole_crosses_a_gap_or_foretells_another_part(
    size: int, context: int, horizon: int, holes: set[int], jumps: set[int]
) -> None:
    values = torch.arange(size, dtype=torch.float32).unsqueeze(1)
    broken = torch.zeros(size, dtype=torch.bool)
    for place in holes:
        if place < size:
            values[place] = math.nan
    for place in jumps:
        if place < size:
            broken[place] = True
    timeline = Timeline(values, torch.arange(size).double(), broken, ("y",), 1)
    parts = stretches(size, Split(train=0.6, val=0.2, test=0.2))
    assert [row for part in parts.values() for row in part] == list(range(size))
    expected = {
        name: {
            start
            for start in range(size - context - horizon + 1)
            if set(range(start + context, start + context + horizon)) <= set(part)
            and not set(range(start, start + context + horizon)) & holes
            and not set(range(start + 1, start + context + horizon)) & jumps
        }
        for name, part in parts.items()
    }
    cut = partial(windows, timeline, parts, context, horizon, standardize=False, where="y")
    if not all(expected.values()):
        with pytest.raises(DataError, match="has no whole window"):
            cut()
        return
    assert {name: set(part.starts.tolist()) for name, part in cut().items()} == expected


def test_targets_come_first_and_texts_are_left_out(recipe: Any, write: Write) -> None:
    path = write("day,sky,heat,rain\n" + rows(40, "{n},grey,{square},{n}"))
    data = opened(recipe, path=path, time="day", target="rain")
    assert data.info.feature_names == ("rain", "heat")
    assert (data.info.targets, data.info.horizon, data.info.shape) == (1, 2, (4, 2))
    assert any("columns of text left out: sky" in note for note in data.info.notes)


@pytest.mark.parametrize(
    ("policy", "expected"), [("interpolate", [10.0, 11.0, 12.0]), ("forward", [10.0, 10.0, 12.0])]
)
def test_missing_values_are_filled_and_told(
    policy: str, expected: list[float], recipe: Any, write: Write
) -> None:
    path = write("a,y\n" + rows(50, "0,{n}").replace("0,11\n", "0,\n"))
    assert "1 values are missing in y (line 13)" in refusal(recipe, path=path)
    data = opened(recipe, path=path, missing=policy, target="y", columns=["y"])
    values = data.parts["train"].timeline.values
    assert values[10:13, 0].tolist() == expected
    assert any(f"filled in: {policy}" in note for note in data.info.notes)


def test_filling_never_learns_from_a_later_part(recipe: Any, write: Write) -> None:
    path = write("a,y\n" + rows(50, "0,{n}").replace("0,39\n", "0,\n").replace("0,40\n", "0,\n"))
    data = opened(recipe, path=path, missing="interpolate", columns=["y"])
    values = data.parts["train"].timeline.values
    assert values[38:42, 0].tolist() == [38.0, 38.0, 40.0, 41.0]


def test_windows_with_missing_values_can_be_left_out(recipe: Any, write: Write) -> None:
    path = write("a,y\n" + rows(50, "0,{n}").replace("0,20\n", "0,?\n"))
    data = opened(recipe, path=path, missing="skip", columns=["y"])
    assert data.info.train_size == 35 - 6
    assert not any(batch.inputs.isnan().any() for batch in data.train.epoch(0))


def test_unequal_steps_are_refused_split_or_ignored(recipe: Any, write: Write) -> None:
    lines = [f"2024-01-{day:02d},{day % 7}" for day in range(1, 31) if day not in (10, 20)]
    path = write("date,y\n" + "\n".join(lines) + "\n")
    said = refusal(recipe, path=path, time="date")
    assert "1 days mostly, 2 days and the like before lines 11, 20" in said
    split = opened(recipe, path=path, time="date", gaps="split")
    whole = opened(recipe, path=path, time="date", gaps="ignore")
    assert split.info.train_size < whole.info.train_size == 22 - 5
    assert any("no window reaches across" in note for note in split.info.notes)


@pytest.mark.parametrize(
    "times",
    [
        [f"{2000 + n // 12}-{n % 12 + 1:02d}-01" for n in range(40)],
        [f"{2000 + n // 12}-{n % 12 + 1:02d}" for n in range(40)],
        [f"{1960 + n}-01-01" for n in range(40)],
        ["2023-12-31", "2024-01-31", "2024-02-29"]
        + [f"2024-{m:02d}-{31 - (m in (4, 6, 9, 11))}" for m in range(3, 13)],
        [f"2024-01-01T{n:02d}:00:00+01:00" for n in range(24)],
        [str(n / 10) for n in range(40)],
    ],
    ids=["months", "bare months", "years", "month ends", "hours", "numbers"],
)
def test_equal_steps_are_known_in_every_spelling(
    times: list[str], recipe: Any, write: Write
) -> None:
    path = write("t,y\n" + "".join(f"{time},{n % 5}\n" for n, time in enumerate(times)))
    data = opened(recipe, path=path, time="t", context=1, horizon=1)
    assert data.info.notes == ()


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("t,y\n" + rows(30, "{n},{n}") + "5,1\n", {"time": "t"}, "is not later than in the row"),
        ("t,y\n" + rows(30, "{n},{n}") + "x,1\n", {"time": "t"}, "'t' is no time in line 32: 'x'"),
        ("t,y\n" + rows(30, "{n},{n}") + ",1\n", {"time": "t"}, "the time 't' is empty in line 32"),
        ("t,y\n" + rows(30, "{n},{n}"), {"time": "tt"}, "Did you mean 't'?"),
        ("t,y\n" + rows(30, "{n},a{n}"), {"target": "y"}, "'y' is no finite number in lines 2, 3"),
        (
            "t,y\n" + rows(30, "{n},{n}") + "30,inf\n",
            {"target": "y"},
            "no finite number in line 32",
        ),
        ("y\n" + rows(30, "a"), {}, "no column holds numbers"),
        ("y\n" + rows(30, "7"), {}, "never changes in the training part: y"),
        ("y\n" + rows(20, "{n}"), {"horizon": 5}, "the val part has no whole window: it has 4"),
        ("y\n" + rows(30, "{n}"), {"kfold": {"folds": 3}}, "would learn from what comes after"),
        ("y\n" + rows(30, "{n}"), {"name": "nile"}, "give one of data.path and data.name"),
    ],
)
def test_what_is_wrong_with_series_is_named(
    text: str, settings: dict[str, Any], message: str, recipe: Any, write: Write
) -> None:
    assert message in refusal(recipe, path=write(text), **settings)


def test_a_constant_input_is_told(recipe: Any, write: Write) -> None:
    data = opened(recipe, path=write("y,still\n" + rows(30, "{n},3")), target="y")
    assert "the same in the whole training part: still" in data.info.notes


def test_a_table_that_is_not_there_yet_shows_the_model_by_its_columns(recipe: Any) -> None:
    info = describe(recipe("forecast", **SMALL, path="/none.csv", columns=["a", "b"], target="b"))
    assert info.feature_names == ("b", "a")
    assert info.needs_download


def test_another_task_is_refused(recipe: Any, write: Write) -> None:
    with pytest.raises(DataError, match="Use the task forecast"):
        describe(recipe("classify", **SMALL, path=write("y\n" + rows(30, "{n}"))))


@pytest.mark.parametrize("name", sorted(_KNOWN))
def test_the_real_series_are_read(name: str, recipe: Any) -> None:
    pytest.importorskip("statsmodels", exc_type=ImportError)
    data = opened(recipe, name=name, missing="interpolate")
    sizes = {"sunspots": 309, "co2": 2284, "nile": 100, "macrodata": 203}
    train = data.parts["train"]
    assert isinstance(train, SeriesWindows)
    assert len(train.timeline.values) == sizes[name]
    assert data.info.feature_names == _KNOWN[name].columns
    assert any("59 values are missing" in note for note in data.info.notes) == (name == "co2")


def test_a_series_whose_package_is_missing_says_what_to_install(
    recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'dltui[series]'" in refusal(recipe, name="nile")


def test_mackey_glass_obeys_its_equation(recipe: Any) -> None:
    # τ = 1 settles where 0.2 x / (1 + x¹⁰) = 0.1 x, which is x = 1.
    assert mackey_glass(5, 1, 0.9) == pytest.approx([1.0] * 5, abs=1e-6)
    chaotic = mackey_glass(2000, 17, 1.2)
    assert 0.2 < min(chaotic) < 0.5 < 1.2 < max(chaotic) < 1.4
    close = mackey_glass(2000, 17, 1.2 + 1e-3)
    assert max(abs(a - b) for a, b in zip(chaotic, close, strict=True)) > 0.1
    data = open_data(
        recipe("forecast", type="mackey_glass", context=8, horizon=3, length=300),
        seed=0,
        device="cpu",
    )
    assert data.info.train_size == 240 - 10
