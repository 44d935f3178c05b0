"""The recipe editor: errors on their lines while typing, nothing lost on leaving."""

from pathlib import Path

import pytest
from textual.widgets import OptionList, Static

from dltui.ui.app import DltuiApp
from dltui.ui.screens.dialogs import Confirm
from dltui.ui.screens.editor import EditorScreen
from dltui.ui.widgets.recipe_area import RecipeArea
from tests.ui.driving import settled, until

RECIPE = """dltui: 1
name: mine
data: {type: builtin, name: digits}
model:
  layers:
    - flatten
    - linear: $(data.classes)
task: {type: classify}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


async def test_an_error_stands_on_its_own_line_and_goes_when_it_is_mended(recipe: Path) -> None:
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(EditorScreen(recipe))
        await settled(pilot)
        area = app.screen.query_one(RecipeArea)
        assert area.problems == {}
        area.load_text(RECIPE.replace("flatten", "flaten"))
        await until(pilot, lambda: area.problems)
        assert "flatten" in area.problems[6]
        drawn = "".join(segment.text for segment in area.render_line(5))
        assert "◀" in drawn
        assert "did you mean" in drawn
        assert app.screen.query_one(OptionList).option_count == 1
        area.load_text(RECIPE)
        await until(pilot, lambda: not area.problems)
        assert "valid" in str(app.screen.query_one("#verdict", Static).content)


async def test_f8_goes_to_the_problem(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("flatten", "flaten"))
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(EditorScreen(recipe))
        await until(pilot, lambda: app.screen.query_one(RecipeArea).problems)
        await pilot.press("f8")
        assert app.screen.query_one(RecipeArea).cursor_location[0] == 5


async def test_saving_writes_the_file(recipe: Path) -> None:
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(EditorScreen(recipe))
        await settled(pilot)
        app.screen.query_one(RecipeArea).load_text(RECIPE.replace("mine", "yours"))
        await pilot.press("ctrl+s")
        await settled(pilot)
    assert "name: yours" in recipe.read_text()


async def test_leaving_with_changes_asks_first(recipe: Path) -> None:
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        editor = EditorScreen(recipe)
        app.push_screen(editor)
        await settled(pilot)
        app.screen.query_one(RecipeArea).load_text("dltui: 1\n")
        await settled(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("n")
        await pilot.pause()
        assert app.screen is editor
    assert recipe.read_text() == RECIPE


async def test_a_shipped_recipe_is_saved_under_a_name_of_ones_own(recipe: Path) -> None:
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(EditorScreen(recipe, shipped=True))
        await settled(pilot)
        app.screen.query_one(RecipeArea).load_text(RECIPE.replace("mine", "copy"))
        await pilot.press("ctrl+s")
        await pilot.pause()
        await pilot.press("enter")
        await settled(pilot)
    assert recipe.read_text() == RECIPE
    assert "name: copy" in Path("my-mine.yaml").read_text()
