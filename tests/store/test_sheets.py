"""Pictures and pairs of a run: written, read back, kept evenly over the whole run."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltui.errors import StoreError
from dltui.runs import (
    RunFolder,
    pair_files,
    picture_files,
    publish_files,
    publish_samples,
    read_pairs,
    read_pictures,
    read_samples,
)
from dltui.runs.retention import evenly_spread
from dltui.runs.samples import KEEP_SPREAD, sample_folders

PNG = b"\x89PNG not looked at here"


def pictures(step: int, count: int = 4) -> dict[str, bytes]:
    return picture_files(
        step,
        "reconstructions",
        [(PNG + bytes([number]), f"digit {number}") for number in range(count)],
        columns=2,
        row_labels=["input", "output"],
    )


def pairs(step: int) -> dict[str, bytes]:
    return pair_files(step, "copies", [["ab", "ba", "ba"], ["cd", "dc", "cd"]], [True, False])


def test_a_sheet_of_pictures_comes_back_in_order(run: RunFolder) -> None:
    sheet = read_pictures(publish_files(run.samples, 30, pictures(30)))
    assert sheet is not None
    assert (sheet.step, sheet.title, sheet.columns, sheet.rows) == (30, "reconstructions", 2, 2)
    assert sheet.row_labels == ("input", "output")
    assert [picture.caption for picture in sheet.pictures] == [f"digit {n}" for n in range(4)]
    assert [picture.png() for picture in sheet.pictures] == [PNG + bytes([n]) for n in range(4)]


def test_pairs_come_back_with_their_verdicts(run: RunFolder) -> None:
    table = read_pairs(publish_files(run.samples, 30, pairs(30)))
    assert table is not None
    assert table.columns == ("source", "truth", "output")
    assert table.rows == (("ab", "ba", "ba"), ("cd", "dc", "cd"))
    assert table.good == (True, False)


def test_several_kinds_of_one_step_stand_beside_each_other(run: RunFolder) -> None:
    publish_files(run.samples, 7, pictures(7))
    publish_files(run.samples, 7, {"text.json": json.dumps({"samples": ["a"]}).encode()})
    folder = publish_files(run.samples, 7, pairs(7))
    sheet = read_pictures(folder)
    assert sheet is not None
    assert all(picture.png() for picture in sheet.pictures)
    assert read_pairs(folder) is not None
    assert read_samples(folder, "text") == {"samples": ["a"]}


def test_pictures_reach_from_the_first_step_to_the_last(run: RunFolder) -> None:
    for step in range(0, 3 * KEEP_SPREAD * 10, 10):
        publish_files(run.samples, step, picture_files(step, "t", [(PNG, "")], columns=1))
    steps = [int(path.name[5:]) for path in sample_folders(run.samples, "pictures")]
    assert (steps[0], steps[-1], len(steps)) == (0, 3 * KEEP_SPREAD * 10 - 10, KEEP_SPREAD)
    assert len(list(run.samples.iterdir())) == KEEP_SPREAD


@given(st.lists(st.integers(0, 10**6), unique=True).map(sorted), st.integers(2, 20))
def test_thinning_keeps_both_ends_and_the_number_asked_for(steps: list[int], most: int) -> None:
    kept = evenly_spread(steps, most)
    assert len(kept) == min(len(steps), most)
    assert set(kept) <= set(steps)
    assert (kept[:1], kept[-1:]) == (steps[:1], steps[-1:])


@given(st.integers(1, 100), st.integers(4, 32), st.integers(1, 300))
def test_thinning_at_every_step_leaves_no_long_gap(every: int, most: int, count: int) -> None:
    kept: list[int] = []
    for number in range(count):
        kept = evenly_spread([*kept, number * every], most)
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert not gaps or max(gaps) <= 2 * every * max(1, count / (len(kept) - 1))


def test_examples_go_and_the_pictures_of_the_step_stay(run: RunFolder) -> None:
    for step in range(3):
        publish_files(run.samples, step, pictures(step))
        content = json.dumps({"examples": [{"image": "00001.png"}]}).encode()

        def write(folder: Path, content: bytes = content) -> None:
            (folder / "00001.png").write_bytes(PNG)
            (folder / "examples.json").write_bytes(content)

        publish_samples(run.samples, step, write, keep_examples=1)
    first = sample_folders(run.samples, "pictures")[0]
    assert read_samples(first, "examples") is None
    assert not (first / "00001.png").exists()
    sheet = read_pictures(first)
    assert sheet is not None
    assert all(picture.png() for picture in sheet.pictures)


def test_escapes_in_captions_and_texts_never_come_through(run: RunFolder) -> None:
    evil = "a\x1b]52;c;aGk=\x07b\x1b[2J\ud800"
    sheet = read_pictures(
        publish_files(
            run.samples,
            1,
            picture_files(1, evil, [(PNG, evil)], columns=1, row_labels=[evil]),
        )
    )
    table = read_pairs(
        publish_files(run.samples, 1, pair_files(1, evil, [[evil]], [True], columns=[evil]))
    )
    assert sheet is not None
    assert table is not None
    texts = [sheet.title, sheet.pictures[0].caption, *sheet.row_labels, table.title]
    for text in (*texts, *table.columns, *table.rows[0]):
        assert text == "ab\ufffd"


def test_a_sheet_shows_no_file_from_elsewhere(run: RunFolder) -> None:
    names = ["../../environment.json", "/etc/hosts", "..", "", "p000.png", 3]
    content = {"columns": 0, "pictures": [{"file": name} for name in names]}
    files = {"pictures.json": json.dumps(content).encode(), "p000.png": PNG}
    sheet = read_pictures(publish_files(run.samples, 1, files))
    assert sheet is not None
    assert [picture.path.name for picture in sheet.pictures] == ["p000.png"]
    assert sheet.columns == 1


_keys = st.sampled_from(
    ["step", "title", "columns", "pictures", "row_labels", "rows", "good", "file", "caption"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a.png", "../b", "\x1b[2J"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_keys, _json | st.lists(st.dictionaries(_keys, _json))))
def test_any_json_becomes_a_sheet_that_can_be_shown(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("samples")
    for kind in ("pictures", "pairs"):
        (folder / f"{kind}.json").write_text(json.dumps(content))
    sheet, table = read_pictures(folder), read_pairs(folder)
    assert sheet is not None
    assert table is not None
    assert sheet.columns >= 1
    assert sheet.rows * sheet.columns >= len(sheet.pictures)
    assert {len(row) for row in table.rows} <= {len(table.columns)}
    assert len(table.good) == len(table.rows)


def test_damage_is_named_and_what_was_pruned_is_none(tmp_path: Path) -> None:
    assert read_pictures(tmp_path) is None
    assert read_pairs(tmp_path) is None
    (tmp_path / "pictures.json").write_bytes(b'{"half":')
    with pytest.raises(StoreError, match=r"cannot read samples"):
        read_pictures(tmp_path)


def test_a_sheet_that_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        picture_files(1, "t", [], columns=0)
    with pytest.raises(ValueError, match="at most"):
        picture_files(1, "t", [(PNG, "")] * 2000, columns=1)
    with pytest.raises(ValueError, match="3 texts"):
        pair_files(1, "t", [["a", "b"]], [True])
    with pytest.raises(ValueError, match="verdicts"):
        pair_files(1, "t", [["a", "b", "c"]], [])
