"""What a run's network makes of an example, from the inspect screen."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dltui.errors import DltuiError
from dltui.ui.inspect.activations import ActivationsScreen
from dltui.ui.inspect.screen import InspectScreen
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
        "pictures": [{"kind": "input", "file": "000-input.png"}],
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
        await until(pilot, lambda: "taken for three0 75.0%" in seen(pilot))
        shown = seen(pilot)
        assert "stage0.conv" in shown
        assert "▲ head" in shown
        assert "input" in shown
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "taken for three1" in seen(pilot))
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
