"""From the home screen to the checkpoints of a run, to files of the folder, and to any other."""

from pathlib import Path

from textual.widgets import OptionList

from dltui.runs import Status, create_run
from dltui.runs.checkpoints import publish_checkpoint
from dltui.ui.app import DltuiApp
from dltui.ui.home.run_table import RunTable
from dltui.ui.inspect.picker import CheckpointPicker
from dltui.ui.inspect.screen import InspectScreen
from dltui.ui.panes.log import LogPane, log_text
from dltui.ui.screens.watch import WatchScreen
from tests.ui.driving import until
from tests.ui.inspect.files import saved


def run_with_checkpoints(runs: Path) -> Path:
    """A run that saved two checkpoints, of which the first was the best."""
    run = create_run(runs, "mine", "name: mine\n", "name: mine\n", Status(name="mine"))
    for step in (10, 20):
        publish_checkpoint(
            run.checkpoints, step, lambda folder: saved(folder) and None, best=step == 10
        )
    return run.path


async def test_files_of_the_folder_are_offered_and_opened(tmp_path: Path) -> None:
    path = saved(Path.cwd())
    app = DltuiApp(tmp_path / "runs")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.screen.is_filled)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, CheckpointPicker))
        options = app.screen.query_one(OptionList)
        assert "model.safetensors" in str(options.get_option_at_index(0).prompt)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, InspectScreen))
        await until(pilot, lambda: app.screen.file is not None)
        assert app.screen.file.path == path
        await pilot.press("q")
        await pilot.pause()
        assert app.screen is app.screen_stack[0]


async def test_the_checkpoints_of_the_run_under_the_cursor_stand_first(tmp_path: Path) -> None:
    run_with_checkpoints(tmp_path / "runs")
    app = DltuiApp(tmp_path / "runs")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.screen.is_filled)
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.shown)
        table.focus()
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, CheckpointPicker))
        labels = [label for label, _ in app.screen.choices]
        assert "step 20 · latest" in labels[0]
        assert "step 10 · best" in labels[1]


async def test_a_file_that_is_no_checkpoint_leads_back_with_a_word(tmp_path: Path) -> None:
    Path("broken.pt").write_bytes(b"not weights")
    app = DltuiApp(tmp_path / "runs")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.screen.is_filled)
        await pilot.press("i", "enter")
        await until(pilot, lambda: app._notifications)
        assert app.screen is app.screen_stack[0]
        assert any("no checkpoint" in str(note.message) for note in app._notifications)


async def test_a_run_whose_pointer_cannot_be_read_is_left_out_and_says_so(tmp_path: Path) -> None:
    run = run_with_checkpoints(tmp_path / "runs")
    latest = run / "checkpoints" / "latest"
    latest.unlink()
    latest.symlink_to("latest")
    app = DltuiApp(tmp_path / "runs")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.screen.is_filled)
        app.screen.query_one(RunTable).focus()
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, CheckpointPicker))
        assert app.screen.choices == []
    watching = DltuiApp(tmp_path / "runs", open_runs=(run,))
    async with watching.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: isinstance(watching.screen, WatchScreen))
        await until(pilot, lambda: watching.screen.query(LogPane))
        await pilot.press("i")
        log = watching.screen.query_one(LogPane)
        await until(pilot, lambda: "cannot read a pointer" in log_text(log))
