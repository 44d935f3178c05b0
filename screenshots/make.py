"""Make the pictures of the README from the real application on real runs.

    python screenshots/make.py [NAME …]

Trains the recipes of `RECIPES` that the pictures need into a temporary folder, opens the screens in
Textual's headless driver, presses the keys a person would press, and writes one SVG a picture
beside this file; PNG too where rsvg-convert is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors.numpy import save_file
from textual.pilot import Pilot

from dltui.inspect import open_checkpoint
from dltui.inspect.parts import model_part
from dltui.inspect.values import Values
from dltui.runs import read_status
from dltui.runs.checkpoints import pointed
from dltui.ui.app import DltuiApp
from dltui.ui.inspect.diff_screen import DiffScreen
from dltui.ui.inspect.opening import Opening
from dltui.ui.inspect.screen import InspectScreen
from dltui.ui.settings import Settings

FOLDER = Path(__file__).parent.resolve()


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: which run is open (none: home), the terminal's size, the keys pressed."""

    name: str
    run: str | None
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    light: bool = False
    looks_at: Literal["run", "checkpoint", "spoilt", "both"] = "run"
    """The run itself, its newest checkpoint, a spoilt copy of that, or the two compared."""


RECIPES = {
    "digits": ("vision/cnn-digits", "trainer.epochs=3", "optimizer.lr=0.003"),
    "pydoc": ("language/gpt-pydoc",),
    "unet": ("vision/unet-shapes",),
    "detector": ("vision/detector-shapes",),
    "vae": ("autoencoders/vae-digits",),
    "gan": ("gans/dcgan-digits",),
    "ddpm": ("diffusion/ddpm-digits",),
    "forecast": ("series/lstm-sunspots",),
    "seq2seq": ("language/t5-reverse",),
}
"""The runs that are finished when their pictures are taken."""

_TO_FILTERS = ("slash", *"conv dims:4", "enter")
SHOTS = (
    Shot("watch", "live", (120, 36)),
    Shot("watch-wide", "live", (200, 50)),
    Shot("watch-narrow", "live", (80, 24)),
    Shot("loss", "live", (100, 30), ("z",)),
    Shot("gradients", "live", (120, 30), ("3", "z")),
    Shot("histograms", "live", (100, 30), ("4", "z")),
    Shot("confusion", "digits", (100, 30), ("5", "z", "o")),
    Shot("misclassified", "digits", (120, 36), ("5", "o", "right", "enter")),
    Shot("text", "pydoc", (120, 36)),
    Shot("segmentation", "unet", (120, 36), ("5", "z")),
    Shot("detection", "detector", (120, 36), ("5", "z")),
    Shot("latent", "vae", (120, 36), ("5",)),
    Shot("gan", "gan", (120, 36), ("5", "z")),
    Shot("diffusion", "ddpm", (120, 36), ("5", "z")),
    Shot("forecast", "forecast", (120, 36), ("5",)),
    Shot("pairs", "seq2seq", (120, 36), ("5",)),
    Shot(
        "inspect", "digits", (120, 36), ("slash", *"conv dims:4", "enter", "3"), False, "checkpoint"
    ),
    Shot("inspect-findings", "digits", (120, 36), ("p", "n"), False, "spoilt"),
    Shot("diff", "digits", (120, 30), ("down", "down"), False, "both"),
    Shot("light", "live", (120, 36), light=True),
    Shot("home", None, (120, 36), ("down", "down", "l")),
    Shot("options", None, (110, 32), ("o",)),
    Shot("editor", None, (110, 32), ("e", "down", "down", "d", "l")),
)


def main(wanted: list[str]) -> None:
    """Train, then take every picture, or those named."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        place = Path(temporary)
        os.environ["XDG_CONFIG_HOME"] = str(place / "config")
        os.environ["DLTUI_RUNS"] = str(place / "runs")
        shots = [shot for shot in SHOTS if not wanted or shot.name in wanted]
        names = {shot.run for shot in shots}
        runs: dict[str | None, Path] = {}
        # Home shows a list of runs that is not empty.
        needed = names | {"digits"} if names - {"live"} else names
        for name, (recipe, *settings) in RECIPES.items():
            if name in needed:
                runs[name] = train(recipe, "--headless", *settings)
        if "live" in names:
            runs["live"] = train("vision/cnn-digits", "--detach", "trainer.epochs=400")
            wait_for_epoch(runs["live"], 12)
        os.chdir(place)
        for shot in shots:
            asyncio.run(take(shot, runs.get(shot.run)))
            print(shot.name, flush=True)
        if "live" in runs:
            dltui("stop", runs["live"].name)


def train(recipe: str, *arguments: str) -> Path:
    """The folder of a run of `recipe`, finished or started."""
    dltui("train", recipe, *arguments)
    return max(Path(os.environ["DLTUI_RUNS"]).iterdir(), key=lambda path: path.name)


def dltui(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dltui", *arguments], check=True)


def wait_for_epoch(run: Path, epoch: float) -> None:
    while (status := read_status(run)).epoch < epoch:
        if status.state == "failed":
            raise SystemExit(f"the run failed: {status.message}")
        time.sleep(0.5)


async def take(shot: Shot, run: Path | None) -> None:
    """Open the screen, press the keys, write the picture."""
    with tempfile.TemporaryDirectory() as forgotten:
        settings = Settings(Path(forgotten) / "settings.json")
        app = application(shot, run, settings)
        svg = await drive(app, shot, f"dltui {run.name if run else ''}".strip())
    picture = FOLDER / f"{shot.name}.svg"
    picture.write_text(svg, encoding="utf-8")
    if shutil.which("rsvg-convert"):
        rasterize(svg, picture.with_suffix(".png"))


def application(shot: Shot, run: Path | None, settings: Settings) -> DltuiApp:
    """The app with the screen that the shot is of."""
    if run is None or shot.looks_at == "run":
        return DltuiApp(open_runs=(run,) if run else (), settings=settings)
    newest = pointed(run / "checkpoints", "latest")
    assert newest is not None
    if shot.looks_at == "both":
        spoilt = spoilt_copy(newest)
        return DltuiApp(first=lambda: DiffScreen(newest, spoilt), settings=settings)
    opening = Opening(newest if shot.looks_at == "checkpoint" else spoilt_copy(newest))
    opening.result()
    return DltuiApp(first=lambda: InspectScreen(opening), settings=settings)


def spoilt_copy(checkpoint: Path) -> Path:
    """The model's weights with a NaN, dead channels and a scale that exploded, as safetensors."""
    found = open_checkpoint(checkpoint)
    part = model_part(found)
    assert part is not None
    with Values(found) as values:
        arrays = {part.local_name(t): np.array(values.whole(t)) for t in part.tensors}
    matrices = [name for name, array in arrays.items() if array.ndim > 1]
    arrays[matrices[0]][2] = 0
    arrays[matrices[0]][5] = 0
    arrays[matrices[1]].reshape(-1)[77] = np.nan
    arrays[matrices[-1]][0] *= 1e4
    path = Path("spoilt.safetensors").absolute()
    save_file(arrays, path)
    return path


async def drive(app: DltuiApp, shot: Shot, title: str) -> str:
    """The screen as SVG once the keys have been pressed."""
    async with app.run_test(size=shot.size) as pilot:
        if shot.light:
            app.theme = "dltui-light"
        await settle(pilot)
        for key in shot.keys:
            await pilot.press({" ": "space", ":": "colon"}.get(key, key))
            await pilot.pause(0.3)
        await settle(pilot)
        return app.export_screenshot(title=title)


async def settle(pilot: Pilot[int]) -> None:
    """Until what threads read has been drawn; the shapes of layers take a process of their own."""
    await pilot.pause(3)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pilot.app.workers.wait_for_complete(), timeout=40)
    await pilot.pause(0.5)


def rasterize(svg: str, png: Path) -> None:
    """PNG through rsvg-convert, which knows neither `textLength` nor web fonts.

    So every character gets the place of its cell, in a font that has braille and block elements.
    """
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg).replace("Fira Code", "DejaVu Sans Mono")
    svg = re.sub(r"<text ([^>]*)>(.*?)</text>", _placed, svg)
    subprocess.run(
        ["rsvg-convert", "--output", str(png)],
        input=svg.encode(),
        check=True,
    )


def _placed(match: re.Match[str]) -> str:
    attributes, text = match.groups()
    length = re.search(r'textLength="([\d.]+)"', attributes)
    start = re.search(r' x="([\d.]+)"', f" {attributes}")
    characters = html.unescape(text).replace("\xa0", " ")
    if length is None or start is None or not characters:
        return match[0]
    width = float(length[1]) / len(characters)
    rest = attributes.replace(length[0], "").replace(start[0].strip(), "")
    return "".join(
        f'<text {rest} x="{float(start[1]) + index * width:.1f}">{html.escape(character)}</text>'
        for index, character in enumerate(characters)
        if character != " "
    )


if __name__ == "__main__":
    main(sys.argv[1:])
