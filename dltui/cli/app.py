"""The commands of ux.md as Typer signatures; the work is done in the modules beside this one.

Nothing heavy is imported here: `dltui --help` and shell completion answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltui import __version__

app = typer.Typer(
    name="dltui",
    help="Train, watch and understand deep networks in the terminal.\n\n"
    "Without a command: the home screen with recipes and runs.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Runs = Annotated[
    Path | None,
    typer.Option("--runs", metavar="DIR", help="Folder of the runs (DLTUI_RUNS, else ./runs)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on stdout.")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="An id, a unique prefix, a name, or 'last'.")
]
RecipeName = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="A shipped name (vision/cnn-digits), a path, or -."),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run the recipe's plugin files without asking.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Text instead of the screen.")]
CHECKPOINT = "A checkpoint of any format, its folder, or RUN, RUN@STEP, RUN@best."
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="e.g. optimizer.lr=3e-4")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dltui {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def home(
    context: typer.Context,
    runs: Runs = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        from dltui.cli.screens import open_home

        raise typer.Exit(open_home(runs))


@app.command()
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="A shipped name (vision/cnn-digits), a path, or -."),
    ] = None,
    overrides: Overrides = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start and return.")] = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="Plain progress here, for scripts and CI.")
    ] = False,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu, cuda:0 or mps.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on from its last checkpoint.")
    ] = None,
    fork: Annotated[
        str | None,
        typer.Option("--fork", metavar="RUN[@STEP]", help="A new run from its checkpoint."),
    ] = None,
    trust: Trust = False,
    runs: Runs = None,
) -> None:
    """Start a run and watch it."""
    from dltui.cli.train import Start, train

    start = Start(recipe, tuple(overrides or ()), name, device, resume, fork, trust)
    raise typer.Exit(train(start, runs, detach=detach, headless=headless))


@app.command()
def sweep(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="One with a section `sweep:`.")
    ] = None,
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Trials at the same time.")] = 1,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="In all, in place of the recipe's.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="SWEEP", help="Go on with one, or 'last'.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu, cuda:0 or mps.")
    ] = None,
    trust: Trust = False,
    json: AsJson = False,
    runs: Runs = None,
) -> None:
    """Search over the settings under `sweep:`. Every trial is a run."""
    from dltui.cli.sweep import Wish, sweep

    wish = Wish(recipe, tuple(overrides or ()), resume, trials, jobs, device, trust)
    raise typer.Exit(sweep(wish, _runs(runs), as_json=json))


@app.command()
def validate(
    recipe: RecipeName, overrides: Overrides = None, json: AsJson = False, trust: Trust = False
) -> None:
    """Check a recipe and print its layer table; train nothing."""
    from dltui.cli.recipes import validate

    raise typer.Exit(validate(recipe, tuple(overrides or ()), as_json=json, trust=trust))


@app.command()
def recipes(json: AsJson = False) -> None:
    """List the recipes with family, task, size and what they need."""
    from dltui.cli.recipes import list_recipes

    raise typer.Exit(list_recipes(as_json=json))


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="RECIPE", help="What to copy.")
    ] = None,
) -> None:
    """Copy a recipe to start one's own."""
    from dltui.cli.recipes import copy_recipe

    raise typer.Exit(copy_recipe(source, file))


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    from dltui.cli.recipes import print_schema

    raise typer.Exit(print_schema())


@app.command("runs")
def list_runs(
    filters: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="e.g. state:running lr>=1e-3 -name:debug"),
    ] = None,
    json: AsJson = False,
    runs: Runs = None,
) -> None:
    """List runs with state, progress and best metric."""
    from dltui.cli.runs import list_runs

    raise typer.Exit(list_runs(_runs(runs), filters=tuple(filters or ()), as_json=json))


@app.command()
def watch(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN|DIR", help="Default: the newest run.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of screens.")] = False,
    runs: Runs = None,
) -> None:
    """Attach to a run."""
    if plain:
        from dltui.cli.follow import watch_plain

        raise typer.Exit(watch_plain(_runs(runs), run or "last"))
    from dltui.cli.screens import open_run

    raise typer.Exit(open_run(runs, run or "last"))


@app.command()
def pause(run: RunName, runs: Runs = None) -> None:
    """Pause at the next step; the process stays."""
    _control("pause", run, runs)


@app.command()
def resume(run: RunName, runs: Runs = None) -> None:
    """Go on with a paused, stopped or dead run.

    One without a worker starts again from its last checkpoint.
    """
    _control("resume", run, runs)


@app.command()
def stop(run: RunName, runs: Runs = None) -> None:
    """Save a checkpoint at the next step, then end."""
    _control("stop", run, runs)


@app.command()
def kill(run: RunName, runs: Runs = None) -> None:
    """End the process at once, without a checkpoint."""
    _control("kill", run, runs)


@app.command()
def checkpoint(run: RunName, runs: Runs = None) -> None:
    """Save a checkpoint at the next step."""
    _control("checkpoint", run, runs)


@app.command("set")
def set_value(
    run: RunName,
    assignment: Annotated[
        str, typer.Argument(metavar="NAME=VALUE", help="e.g. lr=3e-4 or temperature=0.7")
    ],
    runs: Runs = None,
) -> None:
    """Change a setting of a live run."""
    from dltui.cli.control import set_value

    raise typer.Exit(set_value(_runs(runs), run, assignment))


@app.command()
def plot(
    run: RunName,
    metrics: Annotated[
        list[str] | None,
        typer.Argument(metavar="METRIC", help="e.g. val/loss; or series, latent; default: losses"),
    ] = None,
    runs: Runs = None,
) -> None:
    """Draw metrics as a static chart on stdout."""
    from dltui.cli.plot import plot

    raise typer.Exit(plot(_runs(runs), run, tuple(metrics or ())))


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Two runs or more.")],
    runs: Runs = None,
) -> None:
    """Overlay the curves of several runs. How their recipes differ is listed."""
    from dltui.cli.screens import open_comparison

    raise typer.Exit(open_comparison(runs, names))


@app.command()
def doctor(run: RunName, json: AsJson = False, runs: Runs = None) -> None:
    """Say what is wrong with a run. Each finding has evidence and a remedy."""
    from dltui.cli.doctor import doctor

    raise typer.Exit(doctor(_runs(runs), run, as_json=json))


@app.command()
def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help=CHECKPOINT)],
    view: Annotated[
        str | None,
        typer.Option(
            "--view",
            metavar="VIEW",
            help="tensors, tree, findings, metadata, memory, optimizer, stats; of one tensor: "
            "histogram, picture, spectrum, values; of a run, with torch: activations.",
        ),
    ] = None,
    tensor: Annotated[
        str | None, typer.Option("--tensor", metavar="NAME", help="The tensor that a view is of.")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--slice", metavar="PART", help='e.g. "0:3, :" as in Python.')
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option("--filter", metavar="TERMS", help='e.g. "conv dtype:bf16 >1M shape:64,*"'),
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Read all values: statistics, and what they show.")
    ] = False,
    example: Annotated[
        int, typer.Option("--example", metavar="N", help="Which one --view activations feeds.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where --view activations leaves pictures."),
    ] = None,
    json: AsJson = False,
    plain: Plain = False,
    runs: Runs = None,
) -> None:
    """Look into a checkpoint; nothing of the file is ever run."""
    if view == "activations":
        from dltui.cli.activations import activations

        raise typer.Exit(activations(file, runs, example, out, as_json=json))
    from dltui.cli.inspect import Look, inspect

    raise typer.Exit(inspect(Look(file, runs, view, tensor, part, filter, stats, json, plain)))


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=f"{CHECKPOINT} Alone: a folder of them.")],
    b: Annotated[str | None, typer.Argument(metavar="B", help="What to compare it with.")] = None,
    json: AsJson = False,
    plain: Plain = False,
    runs: Runs = None,
) -> None:
    """Compare two checkpoints, or follow a folder of them.

    Exit code 0: they are the same; 1: they differ; 2: one of them cannot be read.
    """
    from dltui.cli.diff import diff, trajectory

    if b is None:
        raise typer.Exit(trajectory(a, runs, as_json=json))
    raise typer.Exit(diff(a, b, runs, as_json=json, as_text=plain))


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help=CHECKPOINT)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .safetensors or a .pt file.")],
    dtype: Annotated[
        str | None, typer.Option("--dtype", help="Cast to float32, float16 or bfloat16.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="PART", help="model or ema, nothing else.")
    ] = None,
    no_optimizer: Annotated[
        bool, typer.Option("--no-optimizer", help="Leave the optimizer's state out.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it is there.")] = False,
    json: AsJson = False,
    runs: Runs = None,
) -> None:
    """Write a checkpoint in another format or type. It is never in memory as a whole."""
    from dltui.cli.convert import convert, wanted

    raise typer.Exit(
        convert(source, out, wanted(dtype, only, not no_optimizer), runs, force=force, as_json=json)
    )


@app.command()
def export(
    run: RunName,
    to: Annotated[str, typer.Option("--to", help="csv, json or tensorboard.")] = "csv",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Default: stdout; for tensorboard ./tensorboard."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until the run ends (tensorboard).")
    ] = False,
    runs: Runs = None,
) -> None:
    """Write a run's metrics as CSV, JSON or TensorBoard events."""
    from dltui.cli.export import export

    raise typer.Exit(export(_runs(runs), run, to, out, follow))


def _runs(folder: Path | None) -> Path:
    from dltui.paths import runs_folder

    return folder or runs_folder()


def _control(verb: str, run: str, runs: Path | None) -> None:
    from dltui.cli import control

    raise typer.Exit(control.send(_runs(runs), run, verb))
