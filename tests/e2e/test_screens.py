"""Every key of the home screen and of a watched run, in real terminals of three sizes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import DIGITS, PATIENCE_S, Place, Run
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.slow

FOOTER = "space Pause"
"""In the footer of a watched run; a dialog hides it. A key right after Escape would be alt+key."""
SIZES = [(80, 24), (120, 36), (200, 50)]
# Twenty steps a second: something happens all the time, and a core is left for the screens.
PLUGIN = """\
import time

import dltui


@dltui.layer("wait")
def wait(x, seconds=0.04):
    time.sleep(seconds)
    return x
"""
PACED = DIGITS.replace("name: digits\n", "name: paced\nplugins: [pace.py]\n", 1).replace(
    "    - flatten\n", "    - wait: 0.04\n    - flatten\n"
)


@pytest.fixture(scope="module")
def run(place: Place) -> Run:
    """A live run with a user's own layer; its plugin is asked about in the terminal."""
    place.write("pace.py", PLUGIN)
    place.write("paced.yaml", PACED)
    refused = place.command("train", "paced.yaml", "--headless")
    assert refused.returncode == 2
    assert "--trust" in refused.stderr

    terminal = place.terminal("train", "paced.yaml", "--name", "live")
    terminal.wait_for("Trust this version of it? [y/N]")
    assert "pace.py" in terminal.screen()
    terminal.keys("y", "Enter")
    terminal.wait_for("● running", PATIENCE_S)
    terminal.keys("d")
    terminal.wait_for("goes on")
    return place.run("live")


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Columns and rows."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def watching(place: Place, run: Run, size: tuple[int, int]) -> Iterator[Terminal]:
    """A terminal in which the live run is watched, with no layout remembered."""
    (place.folder / "config" / "dltui" / "settings.json").unlink(missing_ok=True)
    terminal = place.terminal("watch", "live", size=size)
    terminal.wait_for(lambda text: "running" in text and "step" in text and "val " in text)
    yield terminal
    terminal.hang_up()


@pytest.fixture
def home(place: Place, run: Run, size: tuple[int, int]) -> Iterator[Terminal]:
    """A terminal with the home screen, its recipes read and its first run listed."""
    terminal = place.terminal(size=size)
    terminal.wait_for(lambda text: "mlp-wine" in text and "live-1" in text)
    yield terminal
    terminal.hang_up()


def press(terminal: Terminal, keys: str, wanted: str | Callable[[str], bool]) -> str:
    """Type tmux key names; the screen that follows."""
    terminal.keys(*keys.split())
    return terminal.wait_for(wanted, 20)


def go_to(terminal: Terminal, key: str, title: str) -> None:
    """Go somewhere; the focus follows the frame in which it is seen first."""
    press(terminal, key, title)
    time.sleep(0.5)


def retype(terminal: Terminal, text: str) -> None:
    """Replace what stands in a field, and wait until it stands there."""
    terminal.keys("C-u")
    time.sleep(0.5)
    terminal.type(text)
    terminal.wait_for(lambda screen: bool(re.search(rf"│ +{re.escape(text)} ", screen)))


def first_label(text: str) -> int:
    """The leftmost number below the plot."""
    found = re.search(r"^│ +([\d,]+) .*step *│", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def test_the_layout_is_remembered(place: Place, run: Run) -> None:
    settings = place.folder / "config" / "dltui" / "settings.json"
    settings.unlink(missing_ok=True)
    first = place.terminal("watch", "live")
    first.wait_for(FOOTER)
    go_to(first, "7", "─ system")
    press(first, "z", lambda text: "─ system" in text and "─ confusion" not in text)
    press(first, "q", "exit code 0")
    second = place.terminal("watch", "live")
    # The pane in front is remembered; the zoom is not, which would hide the rest of a new run.
    shown = second.wait_for(lambda text: "─ system" in text and "─ confusion" in text)
    assert "─ gradient norms" not in shown
    second.hang_up()
    settings.unlink()


def test_plugins_are_asked_about_once(place: Place, run: Run) -> None:
    assert run.status.state == "running"
    layers = place.say("validate", "paced.yaml")
    assert re.search(r"wait\s", layers)


def test_the_run_is_steered_by_keys(watching: Terminal, run: Run) -> None:
    before = len(run.answers())
    press(watching, "Space", "‖ paused")
    press(watching, "Space", "● running")
    go_to(watching, "l", "New learning rate")
    retype(watching, "fast")
    press(watching, "Enter", "is not a number")
    retype(watching, "0.0007")
    watching.keys("Enter")
    run.until(lambda: run.answers()[before:] == [("pause", True), ("resume", True), ("set", True)])
    watching.keys("c")
    run.until(lambda: run.answers()[-1] == ("checkpoint", True))
    press(watching, "8", lambda text: "saved at step" in text or "lr 0.0007" in text)
    press(watching, "s", "Stop the training?")
    press(watching, "n", lambda text: "Stop the training?" not in text)
    press(watching, "K", "Kill the worker at once?")
    press(watching, "Escape", lambda text: "Kill the worker" not in text)
    press(watching, "r", "nothing to resume")
    assert run.status.state == "running"
    assert len(run.answers()) == before + 4


def test_each_pane_is_reached_zoomed_and_explained(watching: Terminal) -> None:
    shown = {
        "1": "─ loss",
        "2": "val/accuracy|accuracy",
        "3": "─ gradient norms",
        "4": "─ weights · conv",
        "5": "─ confusion · val",
        "6": "─ learning rate",
        "7": "─ system",
        "8": "─ findings and log",
        "9": "─ recipe",
    }
    watching.keys("z")
    for key, title in shown.items():
        others = [t for k, t in shown.items() if k not in (key, "2")]

        def alone(text: str, title: str = title, others: list[str] = others) -> bool:
            seen = bool(re.search(title, text)) and FOOTER in text
            return seen and not any(re.search(other, text) for other in others)

        press(watching, key, alone)
        press(watching, "?", lambda text: FOOTER not in text)
        press(watching, "Escape", alone)
    press(watching, "Escape", FOOTER)


def test_the_charts_turn_zoom_pan_and_smooth(watching: Terminal) -> None:
    press(watching, "1 z", "─ loss")
    for axis in ("epoch", "time", "samples", "step"):
        press(watching, "x", lambda text, axis=axis: bool(re.search(rf"\b{axis} *│", text)))
    press(watching, "y", "log")
    press(watching, "y", lambda text: "log y" not in text)
    press(watching, "]", lambda text: bool(re.search(r"smooth\w* 0\.", text)))
    press(watching, "[", lambda text: not re.search(r"smooth\w* 0\.", text))

    def from_zero(text: str) -> bool:
        return bool(re.search(r"^│ {1,9}0 .*step *│", text, re.MULTILINE))

    watching.wait_for(from_zero)
    press(watching, "+", lambda text: not from_zero(text))
    start = first_label(watching.screen())
    earlier = first_label(press(watching, "Left Left Left", lambda text: first_label(text) < start))
    press(watching, "Right Right Right", lambda text: first_label(text) > earlier)
    press(watching, "- - - - - -", from_zero)
    press(watching, "+ +", lambda text: not from_zero(text))
    press(watching, "0", from_zero)
    press(watching, ",", lambda text: bool(re.search(r"(at|@|step) [\d,]+", text)))


def test_tables_grids_and_the_log_take_their_keys(watching: Terminal) -> None:
    watching.keys("z")
    go_to(watching, "3", "─ gradient norms")
    watching.wait_for(lambda text: bool(re.search(r"│ conv\b", text)))
    press(watching, "o", lambda text: "↓" in text or "↑" in text)
    go_to(watching, "4", "weights · ")
    press(watching, "w", "gradients · ")
    press(watching, "w", "activations · ")
    press(watching, "w", "weights · ")
    go_to(watching, "5", "confusion · val")
    press(watching, "p", "%")
    press(watching, "p o", "confusion · val")
    press(watching, "<", lambda text: bool(re.search(r"\d+/\d+|epoch", text)))
    press(watching, "Enter", "truth")
    press(watching, "Escape", "confusion · val")
    go_to(watching, "8", "─ findings and log")
    press(watching, "v", "warnings and errors")
    press(watching, "v", "errors only")
    press(watching, "v", lambda text: "errors only" not in text)


def test_tables_reverse_and_tensors_and_metrics_take_turns(watching: Terminal) -> None:
    press(watching, "3 z o", "layer ↓")
    press(watching, "O", "layer ↑")
    first = press(watching, "4", "weights · ")
    named = re.search(r"weights · (\S+)", first)
    assert named is not None
    press(watching, "n", lambda text: "weights · " in text and named[0] not in text)
    press(watching, "N", named[0])
    press(watching, "2", "accuracy · 1/2")
    press(watching, "m", "grad_norm · 2/2")
    press(watching, "M", "accuracy · 1/2")
    go_to(watching, "1", "─ loss ─")
    press(watching, "X", "log x")
    press(watching, "X", lambda text: "─ loss" in text and "log x" not in text)


def test_other_runs_the_palette_and_leaving(watching: Terminal, run: Run, place: Place) -> None:
    press(watching, "R", "draw another run")
    press(watching, "Escape", lambda text: "draw another run" not in text and FOOTER in text)
    watching.keys("8")
    press(watching, "f", "following the newest run")
    press(watching, "f", "staying with this run")
    press(watching, "e", "rows written")
    assert (place.folder / f"{run.folder.id}.csv").read_text().startswith("metric,")
    press(watching, "C-p", "Search for commands")
    press(watching, "Escape", lambda text: "Search for commands" not in text and FOOTER in text)
    press(watching, "d", "exit code 0")
    assert "goes on" in watching.screen()
    assert run.status.state == "running"


def test_home_shows_recipes_layers_and_explanations(home: Terminal) -> None:
    press(home, "/", "filter recipes")
    home.type("cnn-digits")
    home.wait_for(lambda text: "mlp-wine" not in text)
    press(home, "Enter", lambda text: "⏎ Train" in text and "─ vision/cnn-digits" in text)
    press(home, "l", lambda text: bool(re.search(r"layer +type +input", text)))
    press(home, "x", "Convolutional network")
    press(home, "r", "# Teaches: convolution")
    press(home, "Escape", "mlp-wine")


def test_home_opens_options_editor_copy_and_help(
    home: Terminal, place: Place, size: tuple[int, int]
) -> None:
    press(home, "o", "batch_size")
    go_to(home, "Escape", "⏎ Train")
    press(home, "e", "dltui: 1")
    go_to(home, "Escape", "⏎ Train")
    go_to(home, "n", "to which file?")
    retype(home, f"mine-{size[0]}.yaml")
    press(home, "Enter", lambda text: "dltui: 1" in text and f"mine-{size[0]}" in text)
    assert (place.folder / f"mine-{size[0]}.yaml").read_text().count("dltui: 1") == 1
    go_to(home, "Escape", "⏎ Train")
    press(home, "?", "Compare")
    go_to(home, "Escape", "⏎ Train")


def test_home_filters_marks_and_opens_runs(home: Terminal, run: Run) -> None:
    press(home, "c", "Mark two runs or more")
    home.keys("Tab")
    press(home, "/", "state:running task:classify")
    home.type("state:finished")
    home.wait_for(lambda text: "live-1" not in text)
    home.keys(*["BSpace"] * len("state:finished"))
    home.wait_for("live-1")
    press(home, "Enter", "space Mark")
    press(home, "Space", "◆")
    press(home, "Enter", "● running  epoch")
    press(home, "q", "recipes")
    press(home, "q", "exit code 0")


def test_home_trains_the_recipe_under_the_cursor(place: Place, run: Run) -> None:
    home = place.terminal(size=(120, 36))
    home.wait_for("mlp-wine")
    press(home, "/", "filter recipes")
    home.type("mlp-wine")
    home.wait_for(lambda text: "mlp-digits" not in text)
    press(home, "Enter", "⏎ Train")
    home.keys("Enter")
    home.wait_for("✓ finished", PATIENCE_S)
    assert place.run("mlp-wine").status.state == "finished"
    home.keys("q")
    home.wait_for("recipes")


def test_a_run_is_killed_after_a_yes_and_compared_with_another(place: Place, run: Run) -> None:
    place.say("train", "paced.yaml", "--name", "doomed", "--detach")
    doomed = place.run("doomed")
    watching = place.terminal("watch", "doomed", size=(80, 24))
    watching.wait_for("● running")
    press(watching, "K", "Kill the worker at once?")
    press(watching, "y", "■ killed")
    assert doomed.status.state == "stopped"
    assert doomed.status.message.startswith("killed by ")
    press(watching, "q", "exit code 0")

    home = place.terminal(size=(120, 36))
    home.wait_for(lambda text: "doomed-1" in text and "live-1" in text)
    press(home, "Tab", "space Mark")
    press(home, "Space", "1 marked")
    press(home, "Down Space", "2 marked")
    press(home, "c", lambda text: "settings that differ" in text and "doomed-1" in text)
    home.hang_up()


def test_a_recipe_is_edited_in_the_editor_of_ones_choice(place: Place, run: Run) -> None:
    place.write("editor.sh", '#!/bin/sh\necho edited >> "$1".seen\nsleep 1\n')
    (place.folder / "editor.sh").chmod(0o755)
    place.environment["EDITOR"] = str(place.folder / "editor.sh")
    home = place.terminal(size=(80, 24))
    home.wait_for(lambda text: "mlp-wine" in text and "live-1" in text)
    press(home, "E", "press n to copy it first")
    press(home, "/", "filter recipes")
    home.type("paced")
    home.wait_for(lambda text: "mlp-digits" not in text and "paced.yaml" in text)
    press(home, "Enter", "⏎ Train")
    home.keys("E")
    run.until((place.folder / "paced.yaml.seen").is_file)
    home.wait_for(lambda text: "⏎ Train" in text)
    press(home, "q", "exit code 0")
