"""What a run's network makes of an example, from the inspect screen."""

import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from textual.widgets import Static

from dltui.errors import DltuiError
from dltui.ui.inspect.activations import ActivationsScreen
from dltui.ui.inspect.screen import InspectScreen
from dltui.ui.panes.enlarged import EnlargedPicture
from dltui.ui.widgets.picture_sheet import PictureSheetView
from tests.ui.driving import until
from tests.ui.inspect.files import saved
from tests.ui.inspect.test_inspect_screen import opened, seen


def answer(
    run: Path, out: Path, *, step: int | None, example: int, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """What the helper process writes and says."""
    if example > 1:
        raise DltuiError("there are only 2 examples", where=str(run))
    written = BytesIO()
    Image.new("RGB", (8, 8), "white").save(written, "PNG")
    (out / "000-input.png").write_bytes(written.getvalue())
    layer = {"shape": [1, 4], "mean": 0.25, "std": 1.5, "zeros": 0.5, "non_finite": 0}
    return {
        "part": "val",
        "prediction": [{"class": 3, "name": f"three{example}", "probability": 0.75}],
        "layers": [{"name": "stage0.conv", **layer}, {"name": "head", **layer, "non_finite": 2}],
        "pictures": [{"kind": kind, "file": "000-input.png"} for kind in KINDS],
        "example": {"index": example, "target": 3 + example, "text": None},
    }


KINDS = ("input", "saliency", "grad_cam")


def heads(run: Path, out: Path, **asked: Any) -> dict[str, Any]:
    """The answer for a transformer of two layers with two heads."""
    found = answer(run, out, step=None, example=0, cancelled=lambda: False)
    return found | {
        "prediction": None,
        "example": {"index": 0, "target": None, "text": "def f():\n  return \x1b[31m"},
        "pictures": [
            {"kind": "attention", "file": "000-input.png", "layer": layer, "head": head}
            for layer in ("net.block0.mix.attention", "net.block1.mix.attention")
            for head in range(2)
        ],
    }


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "20261120-153012-mine-1" / "checkpoints" / "step_00000010"
    folder.mkdir(parents=True)
    saved(folder)
    return folder


async def test_layers_and_pictures_of_an_example_are_shown_and_the_next_is_a_key_away(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.launch.looking.look", answer)
    async with opened(checkpoint) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "it is three0, rightly taken for three0 75.0%" in seen(pilot))
        shown = seen(pilot)
        assert "stage0.conv" in shown
        assert "▲ head" in shown
        assert "input" in shown
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "it is 4, wrongly taken for three1 75.0%" in seen(pilot))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "there are only 2 examples" in seen(pilot))
        assert isinstance(pilot.app.screen, ActivationsScreen)
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(pilot.app.screen, InspectScreen)


async def test_a_file_that_is_of_no_run_says_so(tmp_path: Path) -> None:
    async with opened(saved(tmp_path)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: pilot.app._notifications)
        told = [note.message for note in pilot.app._notifications]
        assert any("only a run's own checkpoint" in message for message in told)
        assert isinstance(pilot.app.screen, InspectScreen)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 36), (200, 50)])
async def test_names_and_figures_of_layers_are_whole(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("dltui.launch.looking.look", answer)
    async with opened(checkpoint, size) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "stage0.conv" in seen(pilot))
        await pilot.pause()
        (row,) = (row for row in seen(pilot).splitlines() if "stage0.conv" in row)
        assert all(figure in row for figure in ("1×4", "0.250", "1.50", "50%"))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_all_pictures_of_an_example_are_in_sight(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("dltui.launch.looking.look", answer)
    async with opened(checkpoint, size) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "grad-cam" in seen(pilot))
        assert all(word in seen(pilot) for word in ("input", "saliency", "grad-cam"))
        await pilot.resize_terminal(280 - size[0], 74 - size[1])
        await until(pilot, lambda: "grad-cam" in seen(pilot))
        assert all(word in seen(pilot) for word in ("input", "saliency", "grad-cam"))


async def test_a_picture_is_shown_in_large_with_its_neighbours_a_key_away(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.launch.looking.look", answer)
    async with opened(checkpoint, (80, 24)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "grad-cam" in seen(pilot))
        pilot.app.screen.query_one(PictureSheetView).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EnlargedPicture))
        await until(pilot, lambda: "example 0" in seen(pilot))
        await pilot.press("right")
        await pilot.pause()
        assert "saliency" in str(pilot.app.screen.query_one(".caption", Static).content)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "example 1" in seen(pilot))
        await pilot.press("escape", "question_mark")
        await until(pilot, lambda: "One example of the run's own data" in seen(pilot))


async def test_attention_is_a_row_a_layer_with_its_heads_and_the_text_above(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dltui.launch.looking.look", heads)
    async with opened(checkpoint, (120, 36)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "block1 head 1" in seen(pilot))
        rows = seen(pilot).splitlines()
        assert any("block0 head 0" in row and "block0 head 1" in row for row in rows)
        assert "def f():\\n  return \\x1b[31m" in seen(pilot)


async def test_the_helper_is_no_longer_wanted_once_the_screen_is_left(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Callable[[], bool]] = []

    def endless(run: Path, out: Path, **wanted: Any) -> dict[str, Any]:
        asked.append(wanted["cancelled"])
        while not wanted["cancelled"]():
            threading.Event().wait(0.01)
        raise DltuiError("given up")

    monkeypatch.setattr("dltui.launch.looking.look", endless)
    async with opened(checkpoint) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: asked)
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert len(asked) == 1, "there is no example before the first"
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: len(asked) == 2)
        assert asked[0]()
        assert not asked[1]()
        await pilot.press("q")
        await until(pilot, lambda: asked[1]())
        assert isinstance(pilot.app.screen, InspectScreen)
