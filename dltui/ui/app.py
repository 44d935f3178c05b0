"""The application: themes, settings, and which screen comes first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from rich.console import RenderableType

# Textual has no public place between its compositor and its driver.
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme

from dltui.charts.glyphs import terminal_glyphs
from dltui.paths import runs_folder
from dltui.ui.key_order import KeysInOrder
from dltui.ui.key_words import active_keys
from dltui.ui.plain_glyphs import PlainGlyphs
from dltui.ui.settings import Settings
from dltui.ui.terminal_cells import TerminalCells
from dltui.ui.themes import DARK, LIGHT, THEMES, default_theme
from dltui.ui.widgets.size_guard import SizeGuard


class DltuiApp(KeysInOrder, App[int]):
    """Home, or one run, or several compared, whichever `first` makes."""

    TITLE = "dltui"
    # The styles of a screen that comes first must be here: Textual reads a screen's own only when
    # it is pushed.
    CSS_PATH = ["app.tcss", "screens/home.tcss"]
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]
    BINDINGS = [
        Binding("ctrl+t", "toggle_theme", "Light/dark", show=False, id="toggle-theme"),
        Binding("ctrl+l", "draw_again", "Draw again", show=False, id="draw-again"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True, id="quit-at-once"),
    ]

    def __init__(
        self,
        runs: Path | None = None,
        *,
        open_runs: tuple[Path, ...] = (),
        first: Callable[[], Screen[Any]] | None = None,
        settings: Settings | None = None,
    ):
        """`open_runs`: none for home, one folder to watch it, several to compare them.

        `first` makes another screen to begin with.
        """
        self.settings = settings or Settings()
        # Before all else: a theme that changes later has all styles read again.
        self.set_reactive(App.theme, self._chosen_theme())
        # Without the styles of a screen that is not to be seen: they take a while to read.
        super().__init__(css_path=None if first is None else "app.tcss")
        self.first = first
        self.runs = runs or runs_folder()
        self.open_runs = open_runs
        self.terminal = TerminalCells()
        self._plain = PlainGlyphs() if not terminal_glyphs().braille else None
        # Over SSH every frame costs the link: fewer of them, and nothing that moves by itself.
        if os.environ.get("SSH_CONNECTION") and "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Textual's, and the two of dltui."""
        return {**super().available_themes, **THEMES}

    def _chosen_theme(self) -> str:
        """The one that was chosen last, if there is such a one."""
        chosen = self.settings.get("theme", "")
        return chosen if chosen in (*BUILTIN_THEMES, *THEMES) else default_theme()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """With plain ASCII where the terminal shows nothing else."""
        filters = super().get_line_filters()
        return [*filters, self._plain] if self._plain is not None else filters

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.terminal.forget())
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember_theme(theme.name))
        if self.settings.problem:
            self.notify(self.settings.problem, severity="warning")

    def on_resize(self) -> None:
        # Terminals move and cut their lines as they see fit.
        self.terminal.forget()
        self.call_after_refresh(self._fit_guards)

    def _fit_guards(self) -> None:
        """What says that a terminal is too small is hidden in a larger one, and hears nothing."""
        for guard in self.screen.query(SizeGuard):
            guard.fit()

    def action_draw_again(self) -> None:
        """Sends the whole screen, where something else has written over it."""
        self.terminal.forget()
        self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        shown = renderable
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            shown = cast(RenderableType, self.terminal.difference(renderable))
        elif renderable is not None:
            self.terminal.forget()
        super()._display(screen, shown)

    def get_default_screen(self) -> Screen[Any]:
        """Home stays below a watched run, so that leaving it leads somewhere."""
        if self.first is not None:
            return self.first()
        if len(self.open_runs) == 1:
            from dltui.ui.screens.watch import WatchScreen

            return WatchScreen(self.open_runs[0])
        if self.open_runs:
            from dltui.ui.screens.compare import CompareScreen

            return CompareScreen(list(self.open_runs))
        from dltui.ui.screens.home import HomeScreen

        return HomeScreen(self.runs)

    def notify(self, message: str, **how: Any) -> None:
        """The newest word replaces those before: a key pressed thrice is answered once."""
        self.clear_notifications()
        super().notify(message, **how)

    def remember_theme(self, name: str) -> None:
        self.settings.set("theme", name)

    def action_toggle_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every key of the screen by its name, then what has no key."""
        named: set[str] = set()
        for key in active_keys(screen):
            # Several keys may do the same: one line for all of them.
            if key.word not in named:
                named.add(key.word)
                act = partial(self.run_action, key.action, key.node)
                yield SystemCommand(key.word, key.line or f"key {key.key}", act)
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save this screen as an SVG file", self._save_picture)

    def _save_picture(self) -> None:
        # The palette is still on the screen for a moment.
        self.set_timer(0.1, self.deliver_screenshot)
