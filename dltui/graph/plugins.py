"""What the user's own Python files add: layers, data sources, tasks and callbacks by name.

```python
import dltui
from torch import nn

@dltui.layer("swish2")                  # a function of tensors …
def swish2(x, beta=1.0):
    return x * (beta * x).sigmoid()

@dltui.layer("low_rank")                # … or a module; `in_features` is filled in from the input
class LowRank(nn.Module):
    def __init__(self, out, rank=8, *, in_features):
        ...
```

A class may ask for `in_features` (the last dimension), `in_channels` (dimension 1) or
`input_shape` (without the batch).
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from dltui.errors import PluginError
from dltui.recipe.catalogue import LAYERS
from dltui.recipe.plugins import is_trusted

if TYPE_CHECKING:
    from dltui.recipe import Recipe

Registered = TypeVar("Registered", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Plugin:
    """A registered class or function and where it stands."""

    make: Callable[..., Any]
    where: str
    """file:line"""


_LAYERS: dict[str, Plugin] = {}
_DATA_SOURCES: dict[str, Plugin] = {}
_TASKS: dict[str, Plugin] = {}
_CALLBACKS: dict[str, Plugin] = {}
_LOADED: dict[str, str] = {}
"""Files that have run, by path: their SHA-256."""


def layer(name: str) -> Callable[[Registered], Registered]:
    """Makes a module class, or a function of tensors, a layer of the layer language."""
    if name in LAYERS:
        raise PluginError(
            f"{name!r} is a layer of dltui's own; give yours another name", where=_caller()
        )
    return _registrar(_LAYERS, name, "layer")


def data_source(name: str) -> Callable[[Registered], Registered]:
    """Makes a class a data source: `data: {type: plugin, name: …}`."""
    return _registrar(_DATA_SOURCES, name, "data source")


def task(name: str) -> Callable[[Registered], Registered]:
    """Makes a class a task: `task: {type: plugin, name: …}`."""
    return _registrar(_TASKS, name, "task")


def callback(name: str) -> Callable[[Registered], Registered]:
    """Makes a class a callback of the `callbacks:` section."""
    return _registrar(_CALLBACKS, name, "callback")


def data_source_named(name: str) -> Plugin:
    """Raises PluginError where no loaded plugin has a data source of that name."""
    return _named(_DATA_SOURCES, name, "data source")


def task_named(name: str) -> Plugin:
    """Raises PluginError where no loaded plugin has a task of that name."""
    return _named(_TASKS, name, "task")


def callback_named(name: str) -> Plugin:
    """Raises PluginError where no loaded plugin has a callback of that name."""
    return _named(_CALLBACKS, name, "callback")


def is_plugin_layer(name: str) -> bool:
    return name in _LAYERS


def load_plugins(recipe: Recipe) -> None:
    """Runs the recipe's plugin files, each once for its present contents.

    What files of another recipe registered before is forgotten.

    Raises:
        PluginError: a file is not trusted, or fails; `where` is its own line.
    """
    for file in set(_LOADED) - {str(path) for path in recipe.plugins}:
        _forget(file)
    for path in recipe.plugins:
        if not is_trusted(path):
            raise PluginError(
                "this plugin file has not been allowed to run as it is now",
                where=str(path),
                remedy="Read it, then start the run from a terminal and answer the question,"
                " or with --trust.",
            )
        _load(path)


def build_plugin_layer(
    name: str, args: Mapping[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> nn.Module:
    """The plugin's layer for inputs of `shapes` (with the batch).

    Raises:
        PluginError: its constructor fails.
    """
    plugin = _LAYERS[name]
    if not inspect.isclass(plugin.make):
        return FunctionLayer(plugin.make, args)
    inferred = {
        "in_features": shapes[0][-1],
        "in_channels": shapes[0][1] if len(shapes[0]) > 1 else None,
        "input_shape": shapes[0][1:],
    }
    try:
        wanted = inspect.signature(plugin.make).parameters
        given = {key: value for key, value in inferred.items() if key in wanted}
        module = plugin.make(**{**given, **args})
    except Exception as error:
        raise plugin_failure(error, f"layer {name} cannot be made", plugin.where) from error
    if not isinstance(module, nn.Module):
        raise PluginError(f"layer {name} is not a torch.nn.Module", where=plugin.where)
    return module


class FunctionLayer(nn.Module):
    """A plugin's function of tensors, with its other arguments fixed."""

    def __init__(self, function: Callable[..., Any], args: Mapping[str, Any]):
        super().__init__()
        self.function = function
        self.args = dict(args)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs, **self.args)


def plugin_failure(error: BaseException, what: str, where: str | None = None) -> PluginError:
    """`error` as a PluginError at the plugin's own line; `where` is used if it never ran there."""
    if isinstance(error, PluginError):
        return error
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in _LOADED
    ]
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else where
    return PluginError(f"{what}: {type(error).__name__}: {error}", where=place)


def raised_in_plugin(error: BaseException) -> bool:
    """Whether a loaded plugin's code was running when `error` was raised."""
    return any(frame.filename in _LOADED for frame in traceback.extract_tb(error.__traceback__))


def _load(path: Path) -> None:
    file = str(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if _LOADED.get(file) == digest:
        return
    name = _private_name(digest)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("a plugin must be a Python file (.py)", where=file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _forget(file)
    _LOADED[file] = digest
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        _forget(file)
        raise PluginError(
            f"the plugin is not valid Python: {error.msg}", where=f"{file}:{error.lineno}"
        ) from error
    except Exception as error:
        failure = plugin_failure(error, "the plugin failed while it was imported", file)
        _forget(file)
        raise failure from error


def _forget(file: str) -> None:
    """Takes back what a file registered."""
    for registry in (_LAYERS, _DATA_SOURCES, _TASKS, _CALLBACKS):
        for known in [key for key, plugin in registry.items() if _file_of(plugin) == file]:
            del registry[known]
    if file in _LOADED:
        sys.modules.pop(_private_name(_LOADED.pop(file)), None)


def _private_name(digest: str) -> str:
    """A module name that stands in for no installed module."""
    return f"_dltui_plugin_{digest[:16]}"


def _registrar(
    registry: dict[str, Plugin], name: str, what: str
) -> Callable[[Registered], Registered]:
    where = _caller()
    if name in registry:
        raise PluginError(
            f"{what} {name!r} is already registered at {registry[name].where}", where=where
        )

    def register(made: Registered) -> Registered:
        registry[name] = Plugin(made, where)
        return made

    return register


def _caller() -> str:
    """file:line of the plugin's own frame: the first one outside this file."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _file_of(plugin: Plugin) -> str:
    return plugin.where.rpartition(":")[0]


def _named(registry: dict[str, Plugin], name: str, what: str) -> Plugin:
    if name not in registry:
        known = ", ".join(registry) or "none"
        raise PluginError(f"no loaded plugin has a {what} {name!r}; there are: {known}")
    return registry[name]
