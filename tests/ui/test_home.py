"""Home: what one sees first, and what the keys do."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from textual import events
from textual.widgets import Input, Markdown, Static

from dltui.runs import Best, Status, create_run, write_status
from dltui.ui.app import DltuiApp
from dltui.ui.home.recipe_preview import RecipePreview
from dltui.ui.home.recipe_tree import HERE, RecipeTree
from dltui.ui.home.run_table import RunTable
from dltui.ui.screens.dialogs import Ask
from dltui.ui.screens.editor import EditorScreen
from dltui.ui.screens.help import HelpScreen
from dltui.ui.screens.options import OptionsScreen
from dltui.ui.widgets.size_guard import SizeGuard
from tests.ui.driving import settled

OWN = """dltui: 1
name: mine
about: My own network
data: {type: builtin, name: digits}
model:
  layers: [flatten, {linear: $(data.classes)}]
task: {type: classify}
"""


def plain(renderable: object) -> str:
    """What a renderable says, in one line."""
    written = StringIO()
    Console(file=written, width=300, no_color=True).print(renderable)
    return " ".join(written.getvalue().split())


def labels(tree: RecipeTree) -> list[str]:
    return [str(leaf.label) for family in tree.root.children for leaf in family.children]


async def test_the_shipped_recipes_stand_by_family_and_the_first_is_previewed() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        tree = app.screen.query_one(RecipeTree)
        families = [str(node.label) for node in tree.root.children]
        assert families[0] == "basics"
        assert {"landmarks", "language", "vision"} <= set(families)
        assert "cnn-digits" in labels(tree)
        preview = app.screen.query_one(RecipePreview)
        assert preview.entry is not None
        assert preview.entry.name == "basics/mlp-breast-cancer"


async def test_a_recipe_of_this_folder_is_listed_and_a_download_is_marked() -> None:
    Path("mine.yaml").write_text(OWN)
    Path("other.yaml").write_text("services: []\n")
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        tree = app.screen.query_one(RecipeTree)
        here = next(node for node in tree.root.children if str(node.label) == HERE)
        assert [str(leaf.label) for leaf in here.children] == ["mine.yaml"]
        assert any(label.startswith("lenet-mnist") and "↓" in label for label in labels(tree))


async def test_moving_the_cursor_previews_at_once_and_a_broken_recipe_shows_its_error() -> None:
    Path("broken.yaml").write_text(OWN.replace("digits", "digitz"))
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one(RecipeTree).choose("broken.yaml")
        await settled(pilot)
        shown = app.screen.query_one("#text", Static)
        text = plain(shown.content)
        assert "did you mean `digits`" in text
        assert "broken.yaml:4:" in text


async def test_a_recipe_made_for_a_gpu_says_so_where_there_is_none() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one(RecipeTree).choose("vision/resnet18-cifar10")
        await settled(pilot)
        preview = app.screen.query_one(RecipePreview)
        for has_gpu in (True, False):
            preview.has_gpu = has_gpu
            summary = plain(app.screen.query_one("#summary", Static).content)
            assert ("none is here" in summary) == (not has_gpu)


async def test_slash_filters_the_recipes_and_escape_brings_them_back() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        tree = app.screen.query_one(RecipeTree)
        everything = labels(tree)
        await pilot.press("slash", *"cifar")
        found = [label.split()[0] for label in labels(tree)]
        assert "resnet18-cifar10" in found
        assert len(found) < len(everything)
        assert all("cifar" in name for name in found)
        await pilot.press("escape")
        assert labels(tree) == everything


async def test_x_explains_the_architecture() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one(RecipeTree).choose("vision/cnn-digits")
        await settled(pilot)
        await pilot.press("x")
        await settled(pilot)
        markdown = app.screen.query_one(Markdown)
        assert markdown.display
        assert "convolution" in markdown.source.lower()


def make_runs(folder: Path, states: dict[str, str]) -> None:
    for number, (name, state) in enumerate(states.items()):
        status = Status(
            name=name,
            state="queued",
            task="classify",
            step=10,
            created=1000.0 + number,
            epoch=1.0,
            epochs_total=2.0,
            best=Best("val/accuracy", 0.5, 10),
        )
        run = create_run(folder, name, OWN, OWN, status)
        if state != "queued":
            from dataclasses import replace

            write_status(run.path, replace(status, state=state))  # type: ignore[arg-type]


async def test_runs_are_listed_with_their_state_in_words_and_can_be_filtered(
    tmp_path: Path,
) -> None:
    make_runs(tmp_path / "runs", {"alpha": "finished", "beta": "failed"})
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        table = app.screen.query_one(RunTable)
        assert {row.cells[:2] for row in table.shown} == {
            ("alpha-1", "finished"),
            ("beta-1", "failed"),
        }
        table.focus()
        await pilot.press("slash", *"state:failed")
        await settled(pilot)
        assert [row.cells[0] for row in table.shown] == ["beta-1"]


async def test_comparing_needs_two_marked_runs(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", {"alpha": "finished", "beta": "finished"})
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one(RunTable).focus()
        await pilot.press("c")
        assert app.screen.query_one(RunTable).marked == set()
        await pilot.press("space", "down", "space")
        assert len(app.screen.query_one(RunTable).marked) == 2


async def test_the_help_begins_with_what_only_this_place_can_do() -> None:
    app = DltuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        titles = [title for title, _ in HelpScreen.of(app.screen).groups]
        assert titles == ["recipe tree", "this screen", "everywhere", "moving about"]


@pytest.mark.parametrize(
    ("key", "screen"), [("o", OptionsScreen), ("e", EditorScreen), ("question_mark", HelpScreen)]
)
async def test_keys_open_their_screens_and_escape_leaves_them(key: str, screen: type) -> None:
    app = DltuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        home = app.screen
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, screen)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen is home


async def test_n_copies_a_recipe_with_its_comments_and_opens_the_copy() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one(RecipeTree).choose("basics/mlp-wine")
        await settled(pilot)
        await pilot.press("n")
        await pilot.pause()
        app.screen.query_one(Input).value = "wine.yaml"
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, EditorScreen)
        assert Path("wine.yaml").read_text().startswith("#")


async def test_the_theme_is_remembered() -> None:
    app = DltuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+t")
        await pilot.pause()
        chosen = app.theme
    again = DltuiApp()
    assert again.theme == chosen
    assert chosen == "dltui-light"


@pytest.mark.parametrize("size", [(20, 5), (60, 16), (80, 24), (200, 50)])
async def test_any_terminal_size_is_survived(size: tuple[int, int]) -> None:
    app = DltuiApp()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert app.screen.query_one(RecipeTree).size.area >= 0
        assert (app.screen.has_class("-too-small")) == (size == (20, 5))


async def test_enter_pressed_twice_answers_a_dialog_once() -> None:
    app = DltuiApp()
    answers: list[str | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await app.push_screen(Ask("Which?", value="this"), answers.append)
        for _ in range(2):
            app.post_message(events.Key("enter", "\r"))
        await settled(pilot)
        assert answers == ["this"]
        assert len(app.screen_stack) == 1


async def test_a_terminal_that_becomes_too_small_says_so_and_large_again_shows_all() -> None:
    app = DltuiApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert app.screen.query_one(SizeGuard).display
        assert app.screen.has_class("-too-small")
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        assert not app.screen.has_class("-too-small")
