"""What the terminal shows, so that of each frame only the cells that differ are sent.

Textual repaints whole widgets, and the whole screen after each layout: 10 kB for a change of the
focus at 80×24, 50 kB at 120×36. Most of those cells are on the screen already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

# Textual has no public place between its compositor and its driver.
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from dltui.records import record

_JOINED_GAP = 3
"""Cells that are cheaper to send again than to step over with an escape sequence of 4 bytes."""
_SEEN_ON_BLANKS = frozenset({"4", "5", "7", "9", "21", "51", "52", "53"})
"""Underlined, blinking, reversed, struck, framed, overlined: what a blank shows, too."""


@record
class Pen:
    """How cells are written, as codes of SGR (ECMA-48, 8.3.117).

    `foreground` is None where it does not matter: on blanks.
    """

    attributes: str = ""
    foreground: str | None = ""
    background: str = ""

    def after(self, former: Pen) -> tuple[str, Pen]:
        """The escape sequence that changes `former` into this one, and what is set then."""
        foreground = former.foreground if self.foreground is None else self.foreground
        pen = Pen(self.attributes, foreground, self.background)
        if pen == former:
            return "", former
        if pen.attributes != former.attributes:
            codes = ["0", pen.attributes, foreground or "", pen.background]
        else:
            codes = []
            if foreground != former.foreground:
                codes.append(foreground or "39")
            if pen.background != former.background:
                codes.append(pen.background or "49")
        return f"\x1b[{';'.join(filter(None, codes))}m", pen


_PLAIN = Pen()

Run = tuple[int, int]
"""Cells of one row: the first, and the one after the last."""


class TerminalCells:
    """The cells as they were last sent. Whoever else writes on the terminal must `forget`."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def forget(self) -> None:
        """What the terminal shows is unknown now; all of the next frame is sent."""
        self._rows.clear()

    def difference(self, update: LayoutUpdate | ChopsUpdate) -> CompositorUpdate:
        """The update, less the cells that the terminal shows already."""
        return _Difference(update, self)

    def write(self, update: LayoutUpdate | ChopsUpdate, console: Console) -> str:
        """What to send for the update; it is taken as sent."""
        rows = [(y, list(strips)) for y, strips in _strips(update)]
        if any("\x1b" in segment.text for _, strips in rows for _, s in strips for segment in s):
            # A picture in the terminal's own protocol covers cells that it does not name.
            self.forget()
            return update.render_segments(console)
        colors = console._color_system or ColorSystem.TRUECOLOR
        sent: list[str] = []
        pen = _PLAIN
        for y, strips in rows:
            row = self._rows.setdefault(y, _Row())
            changed: list[Run] = []
            for x, strip in strips:
                if _is_plain(strip):
                    changed += row.take(x, *_cells(strip, colors))
                else:
                    row.lose(x, strip.cell_length)
                    sent.append(f"{pen_up(pen)}\x1b[{y + 1};{x + 1}H{strip.render(console)}")
                    pen = _PLAIN
            pen = row.send(y, changed, pen, sent)
        sent.append(pen_up(pen))
        return "".join(sent)


def pen_up(pen: Pen) -> str:
    """The escape sequence after which nothing is set; empty where nothing was."""
    return "" if pen == _PLAIN else "\x1b[0m"


class _Difference(CompositorUpdate):
    """An update that is compared when Textual writes it: one inside a batch never is."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, cells: TerminalCells) -> None:
        self._update = update
        self._cells = cells

    def render_segments(self, console: Console) -> str:
        return self._cells.write(self._update, console)


class _Row:
    """One row of the terminal: a character and a pen for each cell, no pen where unknown."""

    def __init__(self) -> None:
        self.text = ""
        self.pens: list[Pen | None] = []

    def take(self, x: int, text: str, pens: list[Pen]) -> list[Run]:
        """Sets the cells from `x` on; where they are other than before."""
        end = x + len(text)
        if x >= len(self.pens):
            self._reach(x)
            self.text += text
            self.pens += pens
            return [(x, end)] if text else []
        self._reach(end)
        old_text, old_pens = self.text[x:end], self.pens[x:end]
        if text == old_text and pens == old_pens:
            return []
        self.text = self.text[:x] + text + self.text[end:]
        self.pens[x:end] = pens
        return [
            (x + place, x + place + 1)
            for place, (new, old, pen, old_pen) in enumerate(
                zip(text, old_text, pens, old_pens, strict=True)
            )
            if new != old or pen is not old_pen
        ]

    def lose(self, x: int, length: int) -> None:
        """What these cells show is unknown."""
        self._reach(x + length)
        self.pens[x : x + length] = [None] * length

    def send(self, y: int, changed: Iterable[Run], pen: Pen, sent: list[str]) -> Pen:
        """Appends to `sent` what writes the changed cells of row `y`; the pen after it."""
        last = None
        for first, end in self._joined(sorted(changed)):
            sent.append(f"\x1b[{y + 1};{first + 1}H" if last is None else f"\x1b[{first - last}C")
            last = end
            while first < end:
                here = self.pens[first]
                assert here is not None, "a changed cell has been set"
                stop = first + 1
                while stop < end and self.pens[stop] is here:
                    stop += 1
                codes, pen = here.after(pen)
                sent.append(codes + self.text[first:stop])
                first = stop
        return pen

    def _joined(self, changed: list[Run]) -> Iterator[Run]:
        """Neighbouring runs as one; a short gap in one pen is bridged."""
        if not changed:
            return
        first, last = changed[0]
        for begin, end in changed[1:]:
            gap = self.pens[last:begin]
            if len(gap) > _JOINED_GAP or any(pen is not self.pens[last - 1] for pen in gap):
                yield first, last
                first = begin
            last = end
        yield first, last

    def _reach(self, end: int) -> None:
        missing = end - len(self.pens)
        if missing > 0:
            self.text += " " * missing
            self.pens += [None] * missing


def _strips(
    update: LayoutUpdate | ChopsUpdate,
) -> Iterator[tuple[int, Iterable[tuple[int, Strip]]]]:
    """The rows of an update, each with its strips and the columns where they start."""
    if isinstance(update, LayoutUpdate):
        left, top = update.region.offset
        for y, strips in enumerate(update.strips, top):
            yield y, _placed(strips, left)
        return
    for y, first, end in update.spans:
        line = zip(update.chop_ends[y], update.chops[y].items(), strict=False)
        yield (
            y,
            [
                (x, strip)
                for strip_end, (x, strip) in line
                if strip is not None and x < end and strip_end > first
            ],
        )


def _placed(strips: Iterable[Strip], x: int) -> Iterator[tuple[int, Strip]]:
    for strip in strips:
        yield x, strip
        x += strip.cell_length


def _cells(strip: Strip, colors: ColorSystem) -> tuple[str, list[Pen]]:
    texts: list[str] = []
    pens: list[Pen] = []
    for text, style, _ in strip:
        pen = _pen(style, colors, not text.strip(" ")) if style is not None else _PLAIN
        texts.append(text)
        pens += [pen] * len(text)
    return "".join(texts), pens


def _is_plain(strip: Strip) -> bool:
    """Whether each character takes one cell: only then does a place in the text say where."""
    return all(
        ((text.isascii() and text.isprintable()) or _is_narrow(text))
        and control is None
        and (style is None or not style.link)
        for text, style, control in strip
    )


@lru_cache(maxsize=4096)
def _is_narrow(text: str) -> bool:
    return all(cell_len(character) == 1 for character in text)


@lru_cache(maxsize=4096)
def _pen(style: Style, colors: ColorSystem, blank: bool) -> Pen:
    return _pen_of(Strip.render_ansi(style, colors), blank)


@lru_cache(maxsize=4096)
def _pen_of(ansi: str, blank: bool) -> Pen:
    """One object for equal pens, so that identity tells them apart."""
    attributes: list[str] = []
    foreground = background = ""
    codes = iter(ansi.split(";")) if ansi else iter(())
    for code in codes:
        number = int(code)
        if number in (38, 48):
            kind = next(codes)
            rest = [next(codes) for _ in range(3 if kind == "2" else 1)]
            color = ";".join((code, kind, *rest))
            foreground, background = (color, background) if number == 38 else (foreground, color)
        elif 30 <= number <= 39 or 90 <= number <= 97:
            foreground = code
        elif 40 <= number <= 49 or 100 <= number <= 107:
            background = code
        else:
            attributes.append(code)
    no_matter = blank and not _SEEN_ON_BLANKS.intersection(attributes)
    return _same(Pen(";".join(attributes), None if no_matter else foreground, background))


@lru_cache(maxsize=4096)
def _same(pen: Pen) -> Pen:
    return pen
