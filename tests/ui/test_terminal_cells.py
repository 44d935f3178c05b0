"""The terminal ends up with every cell of the frame, however few of them are sent."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from dltui.ui.terminal_cells import TerminalCells

CONSOLE = Console(color_system="truecolor", force_terminal=True)
WIDTH = 12
_SEQUENCE = re.compile(r"\x1b\[([\d;]*)([HCm])|(\n)|([^\x1b\n])")

texts = st.text("ab ⣿─漢", max_size=4)
styles = st.sampled_from(
    ["", "red", "on blue", "bold red", "underline", "#102030 on #405060", "reverse", "on red"]
)
lines = st.lists(st.tuples(texts, styles), max_size=5)
screens = st.lists(lines, min_size=3, max_size=3)


class Terminal:
    """As much of a terminal as a frame needs: moves, colours, characters, some of them wide."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}
        self.row = self.column = 0
        self.pen: dict[str, str] = {}

    def feed(self, output: str) -> None:
        position = 0
        while match := _SEQUENCE.match(output, position):
            position = match.end()
            numbers, letter, newline, character = match.groups()
            if letter == "H":
                self.row, self.column = (int(number) - 1 for number in numbers.split(";"))
            elif letter == "C":
                self.column += int(numbers)
            elif letter == "m":
                self._set(numbers)
            elif newline:
                self.row, self.column = self.row + 1, 0
            else:
                self._put(character)
        assert position == len(output), output[position : position + 20]

    def _put(self, character: str) -> None:
        pen = dict(self.pen)
        if character == " " and not {"4", "7"} & set(pen):
            pen.pop("foreground", None)
        for half in range(Segment(character).cell_length):
            self.cells[self.row, self.column] = (character if not half else "", str(pen))
            self.column += 1

    def _set(self, numbers: str) -> None:
        codes = numbers.split(";")
        while codes:
            code = codes.pop(0)
            place = "foreground" if code.startswith("3") else "background"
            if code in ("0", ""):
                self.pen.clear()
            elif code in ("38", "48"):
                self.pen[place] = ";".join(codes[:4])
                del codes[:4]
            elif code in ("39", "49"):
                self.pen.pop(place, None)
            elif len(code) == 2:
                self.pen[place] = code
            else:
                self.pen[code] = code
        self.pen = dict(sorted(self.pen.items()))


def strip(line: list[tuple[str, str]]) -> Strip:
    segments = [Segment(text, Style.parse(style)) for text, style in line if text]
    return Strip(segments).adjust_cell_length(WIDTH, Style.parse("on black"))


def whole(screen: list[list[tuple[str, str]]]) -> LayoutUpdate:
    return LayoutUpdate([[strip(line)] for line in screen], Region(0, 0, WIDTH, len(screen)))


def shown(*outputs: str) -> dict[tuple[int, int], tuple[str, str]]:
    terminal = Terminal()
    for output in outputs:
        terminal.feed(output)
    return terminal.cells


@given(st.lists(screens, min_size=1, max_size=4))
def test_the_terminal_shows_the_last_frame_whatever_came_before(
    frames: list[list[list[tuple[str, str]]]],
) -> None:
    cells = TerminalCells()
    sent = [cells.write(whole(frame), CONSOLE) for frame in frames]
    assert shown(*sent) == shown(whole(frames[-1]).render_segments(CONSOLE))


def test_a_frame_that_is_shown_already_sends_nothing() -> None:
    cells = TerminalCells()
    frame = [[("loss", "bold red"), ("  ⣿⣿", "on blue")]] * 3
    assert "loss" in cells.write(whole(frame), CONSOLE)
    assert cells.write(whole(frame), CONSOLE) == ""


def test_another_colour_of_a_border_sends_the_border_only() -> None:
    cells = TerminalCells()
    cells.write(whole([[("──", "red"), ("text", ""), ("──", "red")]]), CONSOLE)
    sent = cells.write(whole([[("──", "blue"), ("text", ""), ("──", "blue")]]), CONSOLE)
    assert sent == "\x1b[1;1H\x1b[34m──\x1b[4C──\x1b[0m"


def test_part_of_a_screen_is_compared_with_that_part() -> None:
    cells = TerminalCells()
    cells.write(whole([[("abcdefghijkl", "red")]]), CONSOLE)
    chops = [{0: Strip([Segment("abXdef", Style.parse("red"))]), 6: None}]
    update = ChopsUpdate(chops, [(0, 2, 3)], [[6, 12]])
    assert cells.write(update, CONSOLE) == "\x1b[1;3H\x1b[31mX\x1b[0m"


def test_what_is_forgotten_is_sent_again() -> None:
    cells = TerminalCells()
    first = cells.write(whole([[("loss", "red")]]), CONSOLE)
    cells.forget()
    assert cells.write(whole([[("loss", "red")]]), CONSOLE) == first


def test_after_a_picture_in_the_terminals_own_protocol_all_cells_are_sent_again() -> None:
    cells = TerminalCells()
    frame = whole([[("loss", "red")]])
    first = cells.write(frame, CONSOLE)
    picture = LayoutUpdate([[Strip([Segment("\x1bPq#0\x1b\\")], 4)]], Region(0, 0, 4, 1))
    assert cells.write(picture, CONSOLE) == picture.render_segments(CONSOLE)
    assert cells.write(frame, CONSOLE) == first
