"""Pictures, examples and gauges as a person sees them."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from dltui.charts.glyphs import ASCII, UNICODE
from dltui.ui.widgets.gauge import Gauge
from dltui.ui.widgets.graphics import Graphics, picture_class, terminal_graphics
from dltui.ui.widgets.picture import Picture
from dltui.ui.widgets.picture_grid import ExampleCard, PictureExample, PictureGrid
from dltui.ui.widgets.table_cells import share_cell, sparkline_cell

BLOCKS = Graphics("blocks", "the test says so")


class OneWidget(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def checkers(size: int = 8) -> Image.Image:
    return Image.fromarray((np.indices((size, size)).sum(axis=0) % 2 * 255).astype(np.uint8))


def png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def rows(widget: Widget) -> list[str]:
    return [widget.render_line(y).text for y in range(widget.content_size.height)]


async def test_an_image_fills_the_room_in_whole_pixels():
    app = OneWidget(Picture(png(checkers()), graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(40, 12)):
        drawn = [row for row in rows(app.widget) if row.strip()]
        assert [len(row.strip()) for row in drawn] == [24] * 12
        assert set("".join(drawn)) == {" ", "▀"}
        styles = {str(s.style.color.name) for s in app.widget.render_line(0) if "▀" in s.text}
        assert styles == {"#000000", "#ffffff"}


async def test_without_colour_an_image_is_grey_characters(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = OneWidget(Picture(checkers(2), graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(4, 2)):
        assert set("".join(rows(app.widget))) == {" ", "█"}


async def test_bytes_that_are_no_image_are_said_to_be_so():
    app = OneWidget(Picture(graphics=BLOCKS))
    async with app.run_test(size=(60, 5)):
        assert "no picture" in "".join(rows(app.widget))
        app.widget.set_image(b"\x89PNG broken")
        assert "not a readable image" in "".join(rows(app.widget))
        app.widget.set_image(checkers())
        assert "▀" in "".join(rows(app.widget)) or app.widget.glyphs is ASCII


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM_PROGRAM": "WezTerm"}, "sixel"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, "blocks"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-256color", "DLTUI_GRAPHICS": "sixel"}, "sixel"),
        ({"TERM": "xterm-kitty", "DLTUI_GRAPHICS": "blocks"}, "blocks"),
    ],
)
def test_the_environment_tells_what_a_terminal_can_show(environment, protocol):
    graphics = terminal_graphics(environment)
    assert graphics.protocol == protocol
    assert graphics.reason


PTY = """
import os, pty, select, sys
child, terminal = pty.fork()
if child == 0:
    from dltui.ui.widgets.graphics import picture_class
    found = picture_class("kitty"), picture_class("sixel")
    os._exit(0 if all(found) and sys.__stdout__.isatty() else 3)
sent = b""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    sent += chunk
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.buffer.write(sent)
sys.exit(status)
"""


def test_loading_the_picture_protocols_sends_a_terminal_nothing():
    pytest.importorskip("textual_image._terminal")
    done = subprocess.run([sys.executable, "-c", PTY], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("protocol", ["kitty", "sixel"])
async def test_a_protocol_shows_the_picture_in_a_widget_of_its_own(protocol):
    shown_by = picture_class(protocol)
    if shown_by is None:
        pytest.skip("textual-image is not installed")
    app = OneWidget(Picture(graphics=Graphics(protocol, "the test says so")))
    async with app.run_test(size=(40, 12)) as pilot:
        app.widget.set_image(checkers())
        await pilot.pause()
        assert app.widget.shown_as == protocol
        (child,) = app.widget.children
        assert child.styles.width.value == 24
        assert child.styles.height.value == 12


def examples(count: int) -> list[PictureExample]:
    return [
        PictureExample(f"truth{i}", f"truth{i + i % 2}", 0.5, png(checkers())) for i in range(count)
    ]


async def test_examples_are_captioned_with_truth_prediction_and_confidence():
    grid = PictureGrid(examples(3), graphics=BLOCKS, glyphs=UNICODE)
    async with OneWidget(grid).run_test(size=(100, 30)) as pilot:
        captions = [str(static.content) for static in grid.query(".caption").results(Static)]
        assert captions[0] == "✓ truth0 0.50"
        assert captions[1] == "✗ truth1 → truth2 0.50"
        assert "1–3 of 3, 1 misclassified" in str(grid.query_one(".grid-note", Static).content)
        assert all(card.size.height >= 10 for card in grid.query(ExampleCard))
        await grid.set_examples([PictureExample("ham", "spam", text="[b]win now[/b]")])
        await pilot.pause()
        assert len(grid.query(ExampleCard)) == 1
        assert str(grid.query_one(".example-text", Static).content) == "[b]win now[/b]"


async def test_more_examples_than_a_page_are_turned():
    grid = PictureGrid(examples(30), graphics=BLOCKS, glyphs=UNICODE)
    async with OneWidget(grid).run_test(size=(100, 30)) as pilot:
        grid.focus()
        assert len(grid.query(ExampleCard)) == 24
        await pilot.press("n")
        await pilot.pause()
        assert len(grid.query(ExampleCard)) == 6
        await pilot.press("n", "b")
        await pilot.pause()
        assert len(grid.query(ExampleCard)) == 24


async def test_a_gauge_says_what_it_does_not_know():
    gauge = Gauge("memory", glyphs=UNICODE)
    async with OneWidget(gauge).run_test(size=(40, 3)):
        assert "n/a" in gauge.frame.lines()[0]
        gauge.share, gauge.detail = 0.5, "4/8 GB"
        line = gauge.frame.lines()[0]
        assert line.startswith("memory ━")
        assert line.endswith(" 50 %  4/8 GB")
        assert abs(line.count("━") - line.count("─")) <= 1


def test_cells_of_tables():
    assert sparkline_cell([1, 2, 3], 3, glyphs=UNICODE).plain == "▁▅█"
    assert sparkline_cell([]).plain == "–"
    assert share_cell(0.25, 4, glyphs=UNICODE).plain == "━───  25 %"
