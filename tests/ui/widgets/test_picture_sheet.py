"""A sheet of pictures as one widget: its cursor, its captions, and each way to show pixels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image
from textual.app import App, ComposeResult

from dltui.charts.glyphs import ASCII, UNICODE
from dltui.ui.widgets.graphics import Graphics, picture_class
from dltui.ui.widgets.picture_sheet import PictureSheetView, SheetContent

BLOCKS = Graphics("blocks", "a test")


def content(count: int = 8, columns: int = 4, side: int = 8) -> SheetContent:
    return SheetContent(
        tuple(Image.new("RGB", (side, side), (200, 30 * n % 256, 40)) for n in range(count)),
        tuple(f"№ {n}" for n in range(count)),
        columns,
        ("input", "output"),
    )


class SheetApp(App[None]):
    def __init__(self, sheet: PictureSheetView) -> None:
        super().__init__()
        self.sheet = sheet
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.sheet

    def on_picture_sheet_view_picture_chosen(self, event: PictureSheetView.PictureChosen) -> None:
        self.chosen.append(event.number)


def rows(sheet: PictureSheetView) -> list[str]:
    return [sheet.render_line(row).text for row in range(sheet.size.height)]


async def test_arrows_move_and_enter_asks_for_the_picture_under_the_cursor() -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(80, 24)) as pilot:
        app.sheet.set_content(content())
        app.sheet.focus()
        await pilot.press("right", "down", "enter", "up", "left", "left", "enter")
        assert app.chosen == [5, 0]
        await pilot.press("down", "down", "down")
        assert app.sheet.cursor == 4


async def test_captions_and_row_labels_stand_beside_their_pictures() -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(80, 24)):
        app.sheet.set_content(content())
        text = "\n".join(rows(app.sheet))
        assert app.sheet.visible_count == 8
        assert all(f"№ {n}" in text for n in range(8))
        assert text.index("input") < text.index("№ 0") < text.index("output") < text.index("№ 4")
        assert "▀" in text


async def test_samples_without_names_take_the_whole_width() -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(118, 31)) as pilot:
        samples = SheetContent(content(64).images, ("",) * 64, 8)
        app.sheet.set_content(samples)
        assert app.sheet.visible_count == 64
        assert app.sheet.content.columns == 11
        app.sheet.focus()
        await pilot.press("down")
        assert app.sheet.cursor == 11
        named = replace(samples, captions=tuple(str(n % 8) for n in range(64)))
        app.sheet.set_content(named)
        assert app.sheet.content.columns == 8
        await pilot.resize_terminal(200, 60)
        app.sheet.set_content(samples)
        await pilot.pause()
        assert (app.sheet.content.columns, app.sheet.visible_count) == (8, 64)


async def test_a_cursor_out_of_sight_brings_its_picture_into_sight() -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(50, 10)) as pilot:
        app.sheet.set_content(content(12, 12, 64))
        app.sheet.focus()
        await pilot.pause()
        assert app.sheet.visible_count < 12
        await pilot.press(*["right"] * 11)
        assert app.sheet.cursor == 11
        assert "▌" in "".join(rows(app.sheet))


async def test_without_unicode_pictures_are_shades_of_ascii() -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=ASCII))
    async with app.run_test(size=(80, 24)):
        sheet = content()
        app.sheet.set_content(SheetContent(sheet.images, ("ok",) * 8, 4))
        assert all(row.isascii() for row in rows(app.sheet))
        assert any(character in row for row in rows(app.sheet) for character in ".:+#")


async def test_the_same_pictures_are_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app = SheetApp(PictureSheetView(graphics=BLOCKS, glyphs=UNICODE))
    async with app.run_test(size=(80, 24)):
        app.sheet.set_content(content())
        sent: list[object] = []
        monkeypatch.setattr(app.sheet, "refresh", lambda *regions, **_: sent.append(regions))
        app.sheet.set_content(content())
        assert sent == []
        changed = content()
        images = (*changed.images[:-1], Image.new("RGB", (8, 8), (0, 0, 255)))
        app.sheet.set_content(SheetContent(images, changed.captions, 4, changed.row_labels))
        (regions,) = sent
        first = min(region.y for region in regions)
        assert first >= app.sheet.layout_now.row_cells


@pytest.mark.parametrize("protocol", ["kitty", "sixel"])
async def test_a_terminal_with_pictures_of_its_own_gets_one_a_row(protocol: str) -> None:
    if picture_class(protocol) is None:
        pytest.skip("textual-image is not installed")
    app = SheetApp(PictureSheetView(graphics=Graphics(protocol, "a test"), glyphs=UNICODE))
    async with app.run_test(size=(80, 24)) as pilot:
        app.sheet.set_content(content())
        await pilot.pause()
        native = list(app.sheet.query(".sheet--native"))
        layout = app.sheet.layout_now
        assert [widget.region.y for widget in native] == [0, layout.row_cells]
        assert {widget.region.height for widget in native} == {layout.picture_rows}
        assert native[0].image.width > native[0].image.height
        text = "\n".join(rows(app.sheet))
        assert "▀" not in text
        assert "№ 3" in text
        app.sheet.set_content(content(4))
        await pilot.pause()
        assert len(app.sheet.query(".sheet--native")) == 1
