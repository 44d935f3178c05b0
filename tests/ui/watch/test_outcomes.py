"""What a person sees of an evaluation's outcome, and the keys of its panes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dltui.runs import pair_files, picture_files, publish_files
from dltui.ui.panes.enlarged import EnlargedPicture
from dltui.ui.panes.lines import text_of
from dltui.ui.panes.log import LogPane, log_text
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.recording import Recording
from dltui.ui.screens.dialogs import Ask
from dltui.ui.screens.watch import WatchScreen
from dltui.ui.screens.watch_layout import PaneTabs
from dltui.ui.snapshot import Wanted
from tests.ui.watch.driving import Make, opened, until


def pane_of(screen: WatchScreen) -> OutcomePane:
    return screen.query_one("#outcomes", OutcomePane)


def title_of(screen: WatchScreen) -> str:
    return str(pane_of(screen).border_title)


def tab_of(screen: WatchScreen) -> str:
    return text_of(screen.query_one(PaneTabs).lines[0])


@pytest.mark.parametrize(
    ("task", "tab", "title", "said"),
    [
        ("vae", "5 samples", "reconstructions", "16 pictures at step 200"),
        ("detect", "5 samples", "boxes", "6 pictures at step 200"),
        ("forecast", "5 series", "forecast", "sunspots: the prediction is off by"),
        ("seq2seq", "5 pairs", "reversed words", "are right at step 200"),
        ("next_token", "5 text", "text", "temperature 0.8"),
        ("classify", "5 confusion", "confusion", "classified correctly"),
    ],
)
async def test_the_outcome_pane_is_chosen_by_what_the_run_has(
    make_run: Make, watch_app: Make, task: str, tab: str, title: str, said: str
) -> None:
    async with watch_app(make_run(task=task)).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: title in title_of(screen))
        await until(pilot, lambda: "-waiting" not in pane_of(screen).classes)
        assert tab in tab_of(screen)
        assert any(said in line for line in pane_of(screen).readings())


async def test_time_travel_reaches_the_first_step_and_comes_back(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run(task="vae")).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "10/10" in title_of(screen))
        for place in range(9, 0, -1):
            await pilot.press("less_than_sign")
            await until(pilot, lambda place=place: f"{place}/10" in title_of(screen))
        assert "step 20 ·" in title_of(screen)
        await pilot.press("less_than_sign", "greater_than_sign")
        await until(pilot, lambda: "2/10" in title_of(screen))


async def test_v_turns_to_the_other_view_of_the_same_moment(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run(task="vae")).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5", "less_than_sign")
        await until(pilot, lambda: "9/10" in title_of(screen))
        assert "v latent" in str(pane_of(screen).border_subtitle)
        await pilot.press("v")
        await until(pilot, lambda: "latent space · step 180 · 9/10" in title_of(screen))
        await until(pilot, lambda: pane_of(screen).has_focus_within)
        assert "5 latent" in tab_of(screen)
        assert screen.active == "outcomes"
        await pilot.press("n")
        await until(pilot, lambda: title_of(screen).endswith("· 0"))
        await pilot.press("v")
        await until(pilot, lambda: "reconstructions" in title_of(screen))


async def test_enter_enlarges_a_picture_and_time_goes_on_in_large(
    make_run: Make, watch_app: Make
) -> None:
    async with watch_app(make_run(task="detect")).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: pane_of(screen).has_focus_within)
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EnlargedPicture))
        large = pilot.app.screen
        assert "2 of 6" in str(large.caption.content)
        await pilot.press("down", "less_than_sign")
        await until(pilot, lambda: "9/10" in str(large.caption.content))
        assert "5 of 6" in str(large.caption.content)
        assert large.picture.problem == ""
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_t_asks_for_a_temperature_and_the_new_sample_is_shown(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run(task="next_token")
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "t changes it" in str(pane_of(screen).border_subtitle))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        field = pilot.app.screen.query_one("Input")
        field.value = "3"
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Ask)
        field.value = "1.2"
        await pilot.press("enter")
        await until(pilot, lambda: list(run.folder.inbox.glob("*.json")))
        command = json.loads(next(run.folder.inbox.glob("*.json")).read_text())
        assert (command["kind"], command["args"]) == ("set", {"temperature": 1.2})
        content = {"prompt": "\n", "temperature": 1.2, "samples": ["bolder words"]}
        publish_files(run.folder.samples, 200, {"text.json": json.dumps(content).encode()})
        run.obey()
        await until(pilot, lambda: "temperature 1.2" in str(pane_of(screen).border_subtitle))
        assert any("bolder words" in line for line in pane_of(screen).readings())
        await until(pilot, lambda: "set: done" in log_text(screen.query_one(LogPane)))


async def test_t_says_why_where_there_is_no_temperature(make_run: Make, watch_app: Make) -> None:
    run = make_run(task="next_token")
    run.folder.environment.unlink()
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5", "t")
        await pilot.pause()
        assert pilot.app.screen is screen
        assert not list(run.folder.inbox.glob("*.json"))


async def test_wrong_pairs_come_first_when_asked_for(make_run: Make, watch_app: Make) -> None:
    run = make_run(task="seq2seq")
    rows = [["ab", "ba", "ba"], ["cd", "dc", "dd"]]
    publish_files(run.folder.samples, 300, pair_files(300, "pairs", rows, [True, False]))
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "1/2 right" in title_of(screen))
        page = pane_of(screen).query_one("#pairs-page")
        await until(pilot, lambda: len(page.lines) == 3)
        assert text_of(page.lines[1]).split() == ["✓", "ab", "ba", "ba"]
        assert ("d", "warning") in page.lines[2]
        await pilot.press("o")
        await until(pilot, lambda: text_of(page.lines[1]).startswith("✗ cd"))


async def test_broken_pictures_are_named_and_the_rest_is_shown(
    make_run: Make, watch_app: Make
) -> None:
    run = make_run(task="detect")
    sheet = picture_files(300, "boxes", [(b"no png", "first"), (b"", "second")], columns=2)
    publish_files(run.folder.samples, 300, sheet)
    async with watch_app(run).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "step 300" in title_of(screen))
        view = pane_of(screen).query_one("#picture-sheet")
        await until(pilot, lambda: "no picture" in view.render_line(0).text)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "▀" in view.render_line(0).text)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50), (300, 100)])
@pytest.mark.parametrize("task", ["vae", "forecast", "seq2seq"])
async def test_outcomes_are_drawn_at_every_size(
    make_run: Make, watch_app: Make, size: tuple[int, int], task: str
) -> None:
    async with watch_app(make_run(task=task)).run_test(size=size) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: pane_of(screen).region.area and "10/10" in title_of(screen))
        content = pane_of(screen).query("#picture-sheet, #forecast-chart, #pairs-page").first()
        await until(
            pilot,
            lambda: any(
                content.render_line(row).text.strip() for row in range(content.size.height)
            ),
        )


def test_reading_a_quiet_run_gives_nothing_new(make_run: Make) -> None:
    run: Any = make_run(task="vae")
    recording = Recording(run.folder.path)
    first = recording.read(Wanted())
    assert first is not None
    assert first.outcomes == ("pictures", "latent")
    assert recording.read(Wanted()) is None
    publish_files(run.folder.samples, 210, pair_files(210, "p", [["a", "b", "c"]], [True]))
    second = recording.read(Wanted())
    assert second is not None
    assert second.pictures is first.pictures
    assert second.latent is first.latent
    assert second.outcomes == ("pictures", "pairs", "latent")
    early = recording.read(Wanted(moment=45))
    assert early is not None
    assert early.pictures.sheet.step == early.latent.steps[early.latent.index] == 40


@pytest.mark.parametrize("task", ["next_token", "seq2seq", "vae", "forecast"])
async def test_the_first_outcome_fills_the_pane_that_waited_for_it(
    make_run: Make, watch_app: Make, task: str
) -> None:
    run = make_run(10, task=task)
    async with watch_app(run).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "-waiting" in pane_of(screen).classes)
        run.write(10)
        run.tick()
        selector = "#picture-sheet, #forecast-chart, #pairs-page, #text-page"
        content = pane_of(screen).query(selector).first()
        await until(pilot, lambda: "-waiting" not in pane_of(screen).classes)
        await until(
            pilot,
            lambda: any(
                len(content.render_line(row).text.rstrip()) > 20
                for row in range(content.size.height)
            ),
        )
