"""`from: torchvision/resnet50`, `from: run/cnn-digits-3`: a ready-made network and what is done
to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dltui.recipe.arguments import add_missing_arguments, check_value, read_named_arguments
from dltui.recipe.catalogue import Arg, LayerSpec
from dltui.recipe.model.scope import Scope
from dltui.recipe.names import described, either
from dltui.recipe.nodes import KeyPath, Pretrained
from dltui.recipe.sources import is_file_name
from dltui.recipe.tree import Entry, plain

PRETRAINED_KEYS: Final = ("from", "args", "weights", "freeze", "replace_head", "lora")
_REGISTRIES: Final = ("torchvision", "timm", "hf", "run")
_WEIGHTS = Arg("str", None, optional=True)
_LORA = LayerSpec(
    "lora",
    "low-rank adapters (Hu et al. 2021)",
    "rank",
    {
        "rank": Arg("int", 8, "rank of the update", minimum=1),
        "alpha": Arg("float", 16.0, "scale of the update", minimum=0),
        "dropout": Arg("float", 0.0, "before the update", minimum=0, maximum=1),
        "targets": Arg("strs", ("*",), "patterns of the layers that get adapters"),
    },
)


def read_pretrained(keys: dict[str, Entry], path: KeyPath, scope: Scope) -> Pretrained | None:
    """The network behind `from`, None where it names none."""
    problems = scope.vocabulary.problems
    entry = keys["from"]
    if not isinstance(entry.value, str) or not _is_source(entry.value):
        forms = either([*(f"{registry}/NAME" for registry in _REGISTRIES), "a checkpoint's path"])
        said = described(plain(entry))
        problems.add(entry.place, (*path, "from"), f"expected {forms}, not {said}")
        return None
    if is_file_name(entry.value) and not Path(entry.value).exists():
        problems.add(entry.place, (*path, "from"), f"there is no file {entry.value}")
    weights = keys.get("weights")
    if weights is not None:
        check_value("weights", _WEIGHTS, weights, (*path, "weights"), problems)
    return Pretrained(
        entry.value,
        path,
        args=_read_args(keys.get("args"), (*path, "args"), scope),
        weights=weights.value if weights is not None else None,
        freeze=_read_patterns(keys.get("freeze"), (*path, "freeze"), scope),
        replace_head=_read_head(keys.get("replace_head"), (*path, "replace_head"), scope),
        lora=_read_lora(keys.get("lora"), (*path, "lora"), scope),
    )


def _is_source(text: str) -> bool:
    registry, slash, name = text.partition("/")
    return (bool(slash and name) and registry in _REGISTRIES) or is_file_name(text)


def _read_args(entry: Entry | None, path: KeyPath, scope: Scope) -> dict[str, Any]:
    if entry is None or entry.value is None:
        return {}
    if not isinstance(entry.value, dict):
        scope.vocabulary.problems.add(entry.place, path, "expected a map of arguments")
        return {}
    return {key: scope.convert(child, (*path, key)) for key, child in entry.value.items()}


def _read_patterns(entry: Entry | None, path: KeyPath, scope: Scope) -> tuple[str, ...]:
    if entry is None or entry.value is None:
        return ()
    items = entry.value if isinstance(entry.value, list) else [entry]
    for item in items:
        if not isinstance(item.value, str):
            message = f"expected patterns of parameter names, not {described(plain(item))}"
            scope.vocabulary.problems.add(item.place, path, message)
    return tuple(item.value for item in items if isinstance(item.value, str))


def _read_head(entry: Entry | None, path: KeyPath, scope: Scope) -> bool | int:
    if entry is None:
        return False
    if isinstance(entry.value, bool) or (isinstance(entry.value, int) and entry.value >= 1):
        return entry.value
    message = f"expected true, false or a number of outputs, not {described(plain(entry))}"
    scope.vocabulary.problems.add(entry.place, path, message)
    return False


def _read_lora(entry: Entry | None, path: KeyPath, scope: Scope) -> dict[str, Any] | None:
    if entry is None or entry.value is None:
        return None
    if not isinstance(entry.value, dict):
        message = f"expected a map such as {{rank: 8}}, not {described(plain(entry))}"
        scope.vocabulary.problems.add(entry.place, path, message)
        return None
    problems = scope.vocabulary.problems
    args = read_named_arguments("lora", _LORA.args, entry.value, path, problems)
    add_missing_arguments(_LORA, args, entry, path, problems)
    return args
