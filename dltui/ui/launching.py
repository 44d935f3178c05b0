"""Starting a run from a screen: the trust question, the check in a thread, then the dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from dltui.errors import DltuiError
from dltui.ui.screens.dialogs import Confirm

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[None]
else:
    _Base = object


class Launching(_Base):
    """Gives a screen `launch`; the screen has `runs` and `note`."""

    runs: Path

    def note(self, text: str) -> None:
        raise NotImplementedError

    @work(exclusive=True, group="launch")
    async def launch(
        self, source: str, overrides: Sequence[str] = (), *, name: str | None = None
    ) -> None:
        """Check the recipe, start its worker and watch it; errors become a notification."""
        self.note("checking the recipe …")
        try:
            for plugin in await self._untrusted(source, overrides):
                if not await self.app.push_screen_wait(trust_question(plugin)):
                    self.note("not started: its plugin is not trusted")
                    return
                from dltui.recipe import trust

                trust(plugin)
            self.note("checking data, device and shapes …")
            path = await self._start(source, overrides, name)
        except DltuiError as error:
            self.note("")
            self.notify(str(error), title="not started", severity="error", timeout=15, markup=False)
            return
        self.note("")
        from dltui.ui.screens.watch import WatchScreen

        self.app.push_screen(WatchScreen(path))

    async def _untrusted(self, source: str, overrides: Sequence[str]) -> list[Path]:
        def find() -> list[Path]:
            from dltui.recipe import is_trusted, load_recipe

            return [p for p in load_recipe(source, overrides).plugins if not is_trusted(p)]

        return await asyncio.to_thread(find)

    async def _start(self, source: str, overrides: Sequence[str], name: str | None) -> Path:
        def start() -> Path:
            from dltui.launch import start_run
            from dltui.recipe import load_recipe

            return start_run(load_recipe(source, overrides), runs=self.runs, name=name).path

        return await asyncio.to_thread(start)


def trust_question(plugin: Path) -> Confirm:
    """Asked once per file and content: plugin code runs with the user's rights."""
    return Confirm(
        f"This recipe runs the Python file\n\n  {plugin}\n\nin the training process, with your "
        "rights. Trust this version of it? You are asked again when it changes.",
        title="plugin",
        yes="trust and go on",
        no="do not run it",
    )
