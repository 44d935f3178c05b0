"""The options form: made from the recipe, checked while typing, ending in overrides."""

from textual.pilot import Pilot
from textual.widgets import Input, Static

from dltui.ui.app import DltuiApp
from dltui.ui.screens.options import Choice, OptionsScreen
from tests.ui.driving import settled


def field(app: DltuiApp, path: str) -> Input:
    return next(box for box in app.screen.query(Input) if box.name == path)


async def opened(pilot: Pilot[int], results: list[Choice | None]) -> None:
    pilot.app.push_screen(OptionsScreen("vision/cnn-digits"), results.append)
    await settled(pilot)


async def test_the_form_has_the_recipes_own_keys_with_their_values() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, [])
        assert field(app, "data.name").value == "digits"
        assert float(field(app, "optimizer.lr").value) > 0


async def test_only_what_was_changed_becomes_an_override() -> None:
    app = DltuiApp()
    results: list[Choice | None] = []
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, results)
        field(app, "optimizer.lr").value = "0.0125"
        field(app, "run name").value = "quick"
        await settled(pilot)
        await pilot.press("ctrl+s")
        await settled(pilot)
    assert results == [("vision/cnn-digits", ("optimizer.lr=0.0125",), "quick")]


async def test_a_wrong_value_is_named_at_once_and_training_is_refused() -> None:
    app = DltuiApp()
    results: list[Choice | None] = []
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, results)
        field(app, "optimizer.lr").value = "fast"
        await settled(pilot)
        verdict = str(app.screen.query_one("#verdict", Static).content)
        assert "optimizer.lr" in verdict
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert results == []
        await pilot.press("escape")
        await settled(pilot)
    assert results == [None]
