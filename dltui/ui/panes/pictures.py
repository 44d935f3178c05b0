"""Pictures that an evaluation left: reconstructions, sample grids, boxes, masks, attention."""

from __future__ import annotations

from PIL.Image import Image
from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult

from dltui.ui.panes.enlarged import EnlargedPicture
from dltui.ui.panes.lines import Lines
from dltui.ui.panes.outcome import OutcomePane
from dltui.ui.snapshot import PicturesAt, Snapshot
from dltui.ui.widgets.picture import opened_image
from dltui.ui.widgets.picture_sheet import PictureSheetView, SheetContent


class PicturesPane(OutcomePane):
    """The newest sheet; `<` and `>` travel to earlier ones, Enter enlarges one picture."""

    pane_title = "samples"
    topic = "pictures"
    hint = "< > steps · enter enlarge"
    kind = "pictures"
    DEFAULT_CSS = "PicturesPane > .pictures--caption { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.sheet = PictureSheetView(id="picture-sheet")
        self.caption = Lines(classes="pictures--caption")
        self._shown: PicturesAt | None = None
        self._enlarged: EnlargedPicture | None = None

    def compose(self) -> ComposeResult:
        yield self.sheet
        yield self.caption

    def show(self, snapshot: Snapshot) -> None:
        at = snapshot.pictures
        if at is None:
            self.wait_while(
                snapshot,
                "waiting for the first evaluation, which leaves pictures",
                "this run has no pictures",
            )
            self._shown = None
        elif at is not self._shown:
            self.wait_for(None)
            self._shown = at
            self.name_as(f"{at.sheet.title} · {self.show_moment(at.steps, at.index)}")
            self.sheet.set_content(_content(at))
            self._write_caption()
            self._show_enlarged()

    def on_resize(self) -> None:
        self.call_after_refresh(self._write_caption)

    @on(PictureSheetView.CursorMoved)
    def _name_picture(self) -> None:
        self._write_caption()

    @on(PictureSheetView.PictureChosen)
    def _enlarge(self) -> None:
        self._enlarged = EnlargedPicture(self)
        self.app.push_screen(self._enlarged, self._forget_enlarged)
        self._show_enlarged()

    def readings(self) -> list[str]:
        at = self._shown
        if at is None:
            return ["There are no pictures yet."]
        sheet = at.sheet
        lines = [
            f"{sheet.title}: {len(sheet.pictures)} pictures at step {at.steps[at.index]:,}, "
            f"{self.sheet.content.columns} in a row; {len(at.steps)} steps are kept, from "
            f"{at.steps[0]:,} to {at.steps[-1]:,}."
        ]
        if sheet.row_labels:
            lines.append(f"Rows: {', '.join(sheet.row_labels)}.")
        if sheet.pictures:
            lines.append(f"Under the cursor: {self._words()}.")
        return lines

    def _words(self) -> str:
        """What the picture under the cursor is."""
        if self._shown is None:
            return ""
        sheet, number = self._shown.sheet, self.sheet.cursor
        row = number // max(1, sheet.columns)
        label = sheet.row_labels[row] if row < len(sheet.row_labels) else ""
        caption = sheet.pictures[number].caption if number < len(sheet.pictures) else ""
        place = f"{number + 1} of {len(sheet.pictures)}"
        return " · ".join(filter(None, (place, label, caption)))

    def _write_caption(self) -> None:
        if self._shown is None:
            return
        seen, count = self.sheet.visible_count, len(self._shown.sheet.pictures)
        words, rest = self._words(), ""
        for hint in (f"   {seen} fit here", ", arrows move", ", z zooms") if seen < count else ():
            if not seen or cell_len(words + rest + hint) > self.caption.size.width:
                break
            rest += hint
        self.caption.set_lines([((words, ""), (rest, "dim"))])

    # The picture in large

    def move_enlarged(self, down: int, across: int) -> None:
        """Goes on to a neighbour of the picture that is shown in large."""
        self.sheet.action_move(down, across)
        self._show_enlarged()

    def _show_enlarged(self) -> None:
        if self._enlarged is None or self._shown is None:
            return
        images, number = self.sheet.content.images, self.sheet.cursor
        image = images[number] if number < len(images) else None
        moment = f"step {self._steps[self._index]:,} · {self._index + 1}/{len(self._steps)}"
        self._enlarged.show(image, self._shown.sheet.title, f"{self._words()}   {moment}")

    def _forget_enlarged(self, _: None) -> None:
        self._enlarged = None


def _content(at: PicturesAt) -> SheetContent:
    pictures = at.sheet.pictures[: len(at.pngs)]
    return SheetContent(
        tuple(_image(png) for png in at.pngs),
        tuple(picture.caption for picture in pictures),
        at.sheet.columns,
        at.sheet.row_labels,
    )


def _image(png: bytes | None) -> Image | None:
    try:
        return None if png is None else opened_image(png)
    except ValueError:
        return None  # the sheet says "no picture" in its place
