"""`from: run/<id>` or a checkpoint's path: a network that one of our own runs has trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dltui.errors import DltuiError
from dltui.graph.scope import fault
from dltui.paths import runs_folder
from dltui.recipe import load_recipe
from dltui.recipe.data_info import DataInfo, InputInfo
from dltui.recipe.sources import shipped_names
from dltui.runs import RunFolder, open_run, pointed

if TYPE_CHECKING:
    from dltui.recipe import Recipe
    from dltui.recipe.nodes import Pretrained

_FILES = ("ema.pt", "model.pt")
_POINTERS = ("best", "latest")


def is_run_source(source: str) -> bool:
    """Whether `from` names a run or a file, not a registered network."""
    return source.startswith("run/") or "/" not in source or source[0] in "/.~"


def trained_in(
    recipe: Recipe, source: Pretrained, key: str = "from"
) -> tuple[Recipe, DataInfo, Path]:
    """The recipe of the run that `source` names, the facts of its data, and the weights' file.

    Of a run, or of a checkpoint's folder, it is the averaged weights where there are any; of a
    run the best checkpoint, the latest with `weights: latest`.

    Raises:
        RecipeError: there is no such run or checkpoint, at `from` or `weights`.
    """
    folder: RunFolder | None
    if source.source.startswith("run/"):
        folder = _run(recipe, source, key)
        file = _weights(_pointed(recipe, source, folder, key))
    else:
        file = _weights(_named(Path(source.source).expanduser()))
        folder = next((RunFolder(up) for up in file.parents if _is_run(up)), None)
    if not file.is_file():
        raise fault(recipe, (*source.path, key), f"there are no weights at {file}")
    if folder is None:
        message = (
            f"{file} lies in no run of dltui, so its network is not known; write the network "
            "under `layers`, or take a file below a run's checkpoints"
        )
        raise fault(recipe, (*source.path, key), message)
    try:
        return load_recipe(open_run(folder.path).resolved), _facts(folder), file
    except (DltuiError, OSError, ValueError, TypeError) as error:
        message = f"the run {folder.id} cannot be taken over: {error}"
        raise fault(recipe, (*source.path, key), message) from error


def fill(
    model: nn.Module,
    file: Path,
    recipe: Recipe,
    source: Pretrained,
    *,
    meta: bool,
    key: str = "from",
) -> None:
    """Loads the weights, or with `meta` looks at their names and shapes alone.

    Raises:
        RecipeError: the file is damaged, or a tensor does not fit, named with both shapes.
    """
    where = (*source.path, key)
    try:
        weights = _read(file, "meta" if meta else "cpu")
    except ModuleNotFoundError as error:
        message = f"{file} needs the extra hf: pip install 'dltui[hf]'"
        raise fault(recipe, where, message) from error
    except Exception as error:
        # torch.load raises whatever a damaged file happens to lead to.
        raise fault(recipe, where, f"{file} cannot be read: {error}") from error
    own = model.state_dict()
    if not isinstance(weights, dict) or not all(isinstance(t, Tensor) for t in weights.values()):
        raise fault(recipe, where, f"{file} holds more than weights; take model.pt or ema.pt")
    for name, tensor in own.items():
        if name not in weights:
            raise fault(recipe, where, f"{file} has no tensor {name}, which the network needs")
        if weights[name].shape != tensor.shape:
            shapes = f"{list(weights[name].shape)} in {file} and {list(tensor.shape)}"
            raise fault(recipe, where, f"the tensor {name} is {shapes} in the network")
    if extra := sorted(set(weights) - set(own)):
        raise fault(recipe, where, f"{file} has a tensor {extra[0]} that the network does not")
    if not meta:
        model.load_state_dict(weights)


def _read(file: Path, device: str) -> Any:
    if file.suffix != ".safetensors":
        return torch.load(file, map_location=device, weights_only=True)
    from safetensors.torch import load_file  # of an extra

    # safetensors cannot read to the meta device.
    return {name: tensor.to(device) for name, tensor in load_file(file).items()}


def _run(recipe: Recipe, source: Pretrained, key: str) -> RunFolder:
    wanted = source.source.removeprefix("run/")
    runs = runs_folder().absolute()
    # Exact names only: `last` would be the new run itself once that is made.
    found = [
        path
        for path in (runs.iterdir() if runs.is_dir() else ())
        if _is_run(path) and wanted in (path.name, RunFolder(path).name)
    ]
    if len(found) != 1:
        what = f"no run is called {wanted!r}" if not found else f"{len(found)} runs are {wanted!r}"
        message = f"{what} in {runs}; {'' if found else _maker(wanted)}give its whole name or id"
        raise fault(recipe, (*source.path, key), message)
    return RunFolder(found[0])


def _maker(wanted: str) -> str:
    """How to come by a run of that name, where one of the shipped recipes makes such runs."""
    recipe = wanted.rpartition("-")[0]
    made_by = [name for name in shipped_names() if name.partition("/")[2] == recipe]
    return f"train it first, `dltui train {made_by[0]}`, or " if made_by else ""


def _pointed(recipe: Recipe, source: Pretrained, folder: RunFolder, key: str) -> Path:
    if source.weights not in (None, *_POINTERS):
        message = f"a run has the weights best and latest, not {source.weights!r}"
        raise fault(recipe, (*source.path, "weights"), message)
    best = None if source.weights == "latest" else pointed(folder.checkpoints, "best")
    found = best or pointed(folder.checkpoints, "latest")
    if found is None or (source.weights == "best" and best is None):
        message = f"the run {folder.id} has no checkpoint yet"
        raise fault(recipe, (*source.path, key), message)
    return found


def _named(path: Path) -> Path:
    """`checkpoints/best` is a file that names a folder beside it."""
    if path.name in _POINTERS and path.is_file():
        return path.parent / path.read_text().strip()
    return path


def _weights(path: Path) -> Path:
    path = path.absolute()
    if not path.is_dir():
        return path
    return next((path / name for name in _FILES if (path / name).is_file()), path / "model.pt")


def _is_run(path: Path) -> bool:
    return (path / "resolved.yaml").is_file() and (path / "status.json").is_file()


def _facts(folder: RunFolder) -> DataInfo:
    plain = json.loads(folder.data_info.read_bytes())
    listed: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
    }
    listed["inputs"] = tuple(
        InputInfo(entry["name"], tuple(entry["shape"]), entry["dtype"])
        for entry in plain.get("inputs", ())
    )
    return DataInfo(**listed)
