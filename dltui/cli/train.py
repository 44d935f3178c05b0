"""`dltui train`: start, resume or fork a run; then watch it, follow it, or leave it alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.errors import PluginError, UsageError
from dltui.paths import runs_folder

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.runs import RunFolder


@dataclass(frozen=True, slots=True)
class Start:
    """What the command line asked for."""

    recipe: str | None
    overrides: tuple[str, ...]
    name: str | None
    device: str | None
    resume: str | None
    fork: str | None
    trust: bool


def train(start: Start, runs: Path | None, *, detach: bool, headless: bool) -> int:
    """Exit code of `dltui train`. Without a terminal it follows in plain lines."""
    if detach and headless:
        raise UsageError(
            "--detach and --headless exclude each other",
            remedy="--detach returns at once, --headless stays until the end: give one",
        )
    run = start_or_resume(start, runs or runs_folder())
    if detach:
        print(run.id)
        print(f"started; dltui watch {run.id} shows it", file=sys.stderr)
        return 0
    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from dltui.cli.follow import follow_headless

        return follow_headless(run)
    from dltui.cli.screens import open_run

    code = open_run(run.path.parent, str(run.path))
    from dltui.cli.follow import tell_outcome

    outcome = tell_outcome(run)
    return code if outcome is None else outcome


def start_or_resume(start: Start, runs: Path) -> RunFolder:
    """The run, its worker started."""
    from dltui import launch
    from dltui.recipe import load_recipe
    from dltui.runs import find_run

    if start.resume is not None:
        if start.recipe is not None or start.fork is not None or start.overrides:
            raise UsageError(
                "--resume goes on exactly as before",
                remedy="To change settings: dltui train RECIPE key=value --fork RUN[@STEP]",
            )
        return launch.resume_run(find_run(runs, start.resume))
    fork: tuple[RunFolder, int | None] | None = None
    source = start.recipe
    overrides = start.overrides
    if start.fork is not None:
        name, _, step = start.fork.partition("@")
        if step and not step.isdecimal():
            raise UsageError(f"'{step}' is no step", remedy="--fork RUN@1200")
        parent = find_run(runs, name)
        fork = (parent, int(step) if step else None)
        if source is None:
            source = str(parent.resolved)
        elif "=" in source:
            # `dltui train optimizer.lr=1e-4 --fork last`: the parent's recipe, changed.
            source, overrides = str(parent.resolved), (source, *overrides)
    if source is None:
        raise UsageError("which recipe?", remedy="dltui recipes lists them")
    recipe = load_recipe(source, overrides)
    ask_for_trust(recipe, agreed=start.trust)
    print_notes(recipe)
    print("checking recipe, data and device …", file=sys.stderr)
    return launch.start_run(recipe, runs=runs, name=start.name, device=start.device, fork=fork)


def ask_for_trust(recipe: Recipe, *, agreed: bool = False) -> None:
    """Ask once per plugin file and content; without a terminal, refuse."""
    from dltui.recipe import is_trusted, trust

    for plugin in recipe.plugins:
        if is_trusted(plugin):
            continue
        if not agreed:
            if not sys.stdin.isatty():
                raise PluginError(
                    "this plugin is not trusted, so it is not run",
                    where=str(plugin),
                    remedy="Read it, then run the command again with --trust.",
                )
            print(f"The recipe runs the Python file {plugin} with your rights.", file=sys.stderr)
            try:
                answer = input("Trust this version of it? [y/N] ")
            except EOFError:
                answer = ""
            if answer.strip().lower() not in {"y", "yes"}:
                raise PluginError("not trusted, so nothing was started", where=str(plugin))
        trust(plugin)


def print_notes(recipe: Recipe) -> None:
    """What the reader of a recipe should know, on stderr."""
    for note in recipe.notes:
        print(f"note: {note}", file=sys.stderr)
