"""`dltui inspect RUN --view activations --example N`: this one view needs torch, and says so."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dltui.cli.checkpoints import print_json, print_lines
from dltui.errors import UsageError


def activations(
    name: str, runs: Path | None, example: int, out: Path | None, *, as_json: bool
) -> int:
    """Prints what the network of a run (`RUN`, `RUN@STEP` or its folder) makes of an example; 0.

    The pictures stay in the folder `out`; without one they are not kept. Raises DltuiError where
    the run, its data or the example is not there.
    """
    from dltui.cli.train import ask_for_trust
    from dltui.launch.looking import look
    from dltui.paths import runs_folder
    from dltui.recipe import load_recipe
    from dltui.runs import find_run

    run_name, _, at = name.partition("@")
    if at and not at.isdecimal():
        raise UsageError(f"{at!r} is no step", where=name, remedy="RUN@STEP")
    run = find_run(runs or runs_folder(), run_name)
    ask_for_trust(load_recipe(run.resolved), agreed=False)
    print("dltui: torch is started to run the network once", file=sys.stderr)
    step = int(at) if at else None
    if out is not None:
        found = look(run.path, out, step=step, example=example)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = look(run.path, Path(folder), step=step, example=example)
            found["pictures"] = [p | {"file": None} for p in found["pictures"]]
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found, out))
    return 0


def _lines(found: dict[str, Any], out: Path | None) -> Iterator[str]:
    from dltui.inspect.text import shape_text, table

    example = found["example"]
    yield f"{found['run']}  step {found['step']}  {found['part']} example {example['index']}"
    if example["target"] is not None:
        yield f"target: {example['target']}"
    for guess in found["prediction"] or ():
        yield f"  {guess['probability']:.3f}  {guess['name'] or guess['class']}"
    heads = ("mean", "std", "min", "max", "zeros")
    rows = [("layer", "type", "shape", *heads)]
    for layer in found["layers"]:
        figures = [f"{layer[head]:.3g}" for head in heads]
        broken = "  NaN or infinite" if layer["non_finite"] else ""
        figures[-1] += broken
        rows.append((layer["name"], layer["type"], shape_text(layer["shape"]), *figures))
    yield ""
    yield from table(rows)
    if found["pictures"]:
        kinds = ", ".join(dict.fromkeys(picture["kind"] for picture in found["pictures"]))
        where = f"in {out}" if out else "not kept; --out DIR keeps them"
        yield from ("", f"{len(found['pictures'])} pictures ({kinds}): {where}")
