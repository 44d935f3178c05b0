"""What keys and points send to the terminal: a slow link must not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.drivers import headless_driver
from textual.pilot import Pilot

from dltui.ui.app import DltuiApp
from tests.ui.watch.driving import Make, opened, until

Size = tuple[int, int]


class RecordingDriver(headless_driver.HeadlessDriver):
    """Keeps what a terminal would be sent."""

    sent: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.sent.append(data)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless_driver, "HeadlessDriver", RecordingDriver)


def app_of(run: Any) -> DltuiApp:
    folder: Path = run.folder.path
    return DltuiApp(folder.parent, open_runs=(folder,))


def take_sent(pilot: Pilot[Any]) -> list[str]:
    """What was written since the last call, one text a write."""
    driver = pilot.app._driver
    assert isinstance(driver, RecordingDriver)
    sent, driver.sent = driver.sent, []
    return sent


async def settled(pilot: Pilot[Any]) -> None:
    """Waits until nothing more is written."""
    quiet = 0
    while quiet < 3:
        take_sent(pilot)
        await pilot.pause(0.1)
        driver = pilot.app._driver
        assert isinstance(driver, RecordingDriver)
        quiet = 0 if driver.sent else quiet + 1


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_a_key_for_a_pane_is_answered_by_its_tab_and_then_by_what_differs(
    make_run: Make, size: Size
) -> None:
    run = make_run(400)
    run.end("finished")
    async with app_of(run).run_test(size=size) as pilot:
        screen = await opened(pilot)
        await settled(pilot)
        await pilot.press("3")
        await until(pilot, lambda: screen.stage.pane("layers").has_focus_within)
        await pilot.pause(0.3)
        frames = [text for text in take_sent(pilot) if len(text) > 20]
    assert len(frames[0].encode()) < 250
    assert "layers" in frames[0]
    assert sum(len(text.encode()) for text in frames) < 4000


@pytest.mark.usefixtures("recording")
async def test_new_points_send_the_cells_that_changed(make_run: Make) -> None:
    run = make_run(300)
    async with app_of(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await settled(pilot)
        run.write(10)
        run.tick()
        await until(pilot, lambda: screen.snapshot.progress.step >= 310)
        await pilot.pause(0.3)
        size_bytes = sum(len(text.encode()) for text in take_sent(pilot))
    assert 0 < size_bytes < 4000


@pytest.mark.usefixtures("recording")
async def test_ctrl_l_sends_the_whole_screen_again(make_run: Make) -> None:
    async with app_of(make_run(50)).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await settled(pilot)
        await pilot.press("ctrl+l")
        await pilot.pause(0.3)
        sent = "".join(take_sent(pilot))
    assert all(f"\x1b[{row};1H" in sent for row in range(1, 25))
