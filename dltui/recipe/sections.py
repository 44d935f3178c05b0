"""Every section but `model`: checked one by one, all problems collected."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from dltui.recipe.arguments import (
    Spec,
    add_missing_arguments,
    read_arguments,
    read_named_arguments,
)
from dltui.recipe.merge import PLURALS
from dltui.recipe.messages import add_section_problems
from dltui.recipe.names import described, unknown
from dltui.recipe.nodes import KeyPath
from dltui.recipe.schema.augment import AUGMENTATIONS
from dltui.recipe.schema.metrics import METRIC_ARGS
from dltui.recipe.schema.optimizers import OPTIMIZERS
from dltui.recipe.schema.root import ADAPTERS, DEFAULTS, REQUIRED, SECTIONS
from dltui.recipe.tasks import TASKS
from dltui.recipe.tree import Entry, Problems, plain

Metric = tuple[str, dict[str, Any]]

_VERSION = 1


def read_sections(root: Entry, problems: Problems) -> dict[str, Any]:
    """Section name → its checked object; sections with problems are missing."""
    _check_top_level(root, problems)
    found: dict[str, Any] = {}
    for section, adapter in ADAPTERS.items():
        if section == "optimizer":
            continue
        entry = root.get(section)
        if entry is None or (entry.value is None and section in DEFAULTS):
            if section in DEFAULTS:
                found[section] = adapter.validate_python(DEFAULTS[section])
            continue
        prepared = _with_callback_args(entry) if section == "callbacks" else entry
        try:
            found[section] = adapter.validate_python(plain(prepared))
        except ValidationError as error:
            add_section_problems(error, (section,), prepared, problems)
    found["optimizers"] = _read_optimizers(root, problems)
    _check_augmentations(root, problems)
    found["metrics"] = _read_metrics(root, problems)
    return found


def _check_top_level(root: Entry, problems: Problems) -> None:
    for key, entry in root.value.items():
        if key not in SECTIONS:
            problems.add(entry.key_or_value, key, unknown("section", key, SECTIONS))
    for key in REQUIRED:
        if key not in root.value and PLURALS.get(key) not in root.value:
            problems.add(root.place, key, f"the section `{key}` is missing")
        elif key in root.value and root.value[key].value is None:
            problems.add(root.value[key].key_or_value, key, f"the section `{key}` is empty")
    version = root.get("dltui")
    if version is not None and (version.value != _VERSION or isinstance(version.value, bool)):
        said = described(plain(version))
        message = f"this dltui reads recipes of version {_VERSION}, not {said}"
        problems.add(version.place, "dltui", message)
    for key in ("name", "about"):
        _check_text(root.get(key), key, problems)


def _check_text(entry: Entry | None, key: str, problems: Problems) -> None:
    if entry is None or entry.value is None:
        return
    if not isinstance(entry.value, str):
        problems.add(entry.place, key, f"expected text, not {described(plain(entry))}")
    elif key == "name":
        allowed = all(letter.isalnum() or letter in "._-" for letter in entry.value)
        if not allowed or not entry.value[:1].isalnum() or len(entry.value) > 80:
            message = "a name is at most 80 letters, digits, `-`, `_` and `.`: it names run folders"
            problems.add(entry.place, key, message)


def _task_name(root: Entry) -> str:
    task = root.get("task")
    kind = task.get("type") if task is not None else None
    return str(kind.value) if kind is not None else "?"


def _read_optimizers(root: Entry, problems: Problems) -> dict[str, Any]:
    """The optimisers by the network that each trains; one under `optimizer` trains them all."""
    several, one = root.get("optimizers"), root.get("optimizer")
    if several is None or several.value is None:
        made = _read_optimizer(one, ("optimizer",), problems)
        return {} if made is None else {"optimizer": made}
    if one is not None and one.value is not None:
        message = "`optimizer` and `optimizers` exclude each other"
        problems.add(several.key_or_value, "optimizers", message)
    if not isinstance(several.value, dict) or not several.value:
        said = described(plain(several))
        message = f"expected a map from each network's name to its optimizer, not {said}"
        problems.add(several.place, "optimizers", message)
        return {}
    read = {
        name: _read_optimizer(entry, ("optimizers", name), problems)
        for name, entry in several.value.items()
    }
    return {name: made for name, made in read.items() if made is not None}


def _read_optimizer(entry: Entry | None, path: KeyPath, problems: Problems) -> Any:
    adapter = ADAPTERS["optimizer"]
    if entry is None or entry.value is None:
        return adapter.validate_python(DEFAULTS["optimizer"])
    prepared = _with_optimizer_args(entry, path, problems)
    try:
        return adapter.validate_python(plain(prepared))
    except ValidationError as error:
        add_section_problems(error, path, prepared, problems)
        return None


def _with_optimizer_args(entry: Entry, path: KeyPath, problems: Problems) -> Entry:
    """`{type: sgd, lr: 0.1, momentum: 0.9}` with the optimiser's own arguments under `args`."""
    if not isinstance(entry.value, dict):
        return entry
    own = {"type", "lr", "groups"}
    kind = entry.value.get("type")
    name = kind.value if kind is not None else "adamw"
    given = {key: child for key, child in entry.value.items() if key not in own}
    spec = OPTIMIZERS.get(name) if isinstance(name, str) else None
    if spec is None:
        if kind is not None and isinstance(name, str):
            message = unknown("optimizer", name, OPTIMIZERS)
            problems.add(kind.place, (*path, "type"), message)
    else:
        for key, child in given.items():
            if key not in spec.args:
                message = f"{unknown('argument', key, [*own, *spec.args])} (of `{name}`)"
                problems.add(child.key_or_value, (*path, key), message)
        known = {key: child for key, child in given.items() if key in spec.args}
        read_named_arguments(name, spec.args, known, path, problems)
        _check_groups(entry.value.get("groups"), name, path, problems)
    children = {key: child for key, child in entry.value.items() if key in own}
    return entry.moved({**children, "args": Entry(given, entry.place)})


def _check_groups(entry: Entry | None, name: str, at: KeyPath, problems: Problems) -> None:
    if entry is None or not isinstance(entry.value, list):
        return
    args = OPTIMIZERS[name].args
    for index, group in enumerate(entry.value):
        path: KeyPath = (*at, "groups", index)
        if not isinstance(group.value, dict):
            continue  # pydantic tells it
        match = group.get("match")
        if match is None:
            message = "a group needs `match`, a pattern of parameter names such as '*.bias'"
            problems.add(group.key_or_value, path, message)
        elif not _are_patterns(plain(match)):
            message = f"`match` takes a pattern or a list of them, not {described(plain(match))}"
            problems.add(match.place, (*path, "match"), message)
        lr = group.get("lr")
        if lr is not None and (isinstance(lr.value, bool) or not isinstance(lr.value, int | float)):
            problems.add(lr.place, (*path, "lr"), f"expected a number, not {described(plain(lr))}")
        given = {key: child for key, child in group.value.items() if key not in ("match", "lr")}
        read_named_arguments(name, args, given, path, problems)


def _are_patterns(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, str) and item for item in items)


def _with_callback_args(entry: Entry) -> Entry:
    """`[{type: mine, every: 5}]` with the callback's own arguments under `args`."""
    if not isinstance(entry.value, list):
        return entry
    items = []
    for item in entry.value:
        if not isinstance(item.value, dict) or "args" in item.value:
            items.append(item)
            continue
        given = {key: child for key, child in item.value.items() if key != "type"}
        own = {key: child for key, child in item.value.items() if key == "type"}
        items.append(item.moved({**own, "args": Entry(given, item.place)}))
    return entry.moved(items)


def _check_augmentations(root: Entry, problems: Problems) -> None:
    data = root.get("data")
    augment = data.get("augment") if data is not None else None
    if augment is None or not isinstance(augment.value, list):
        return
    for index, step in enumerate(augment.value):
        _read_step("augmentation", AUGMENTATIONS, step, ("data", "augment", index), problems)


def _read_metrics(root: Entry, problems: Problems) -> list[Metric]:
    entry = root.get("metrics")
    if entry is None or entry.value is None:
        facts = TASKS.get(_task_name(root))
        return [(name, {}) for name in facts.default_metrics] if facts is not None else []
    if not isinstance(entry.value, list):
        said = described(plain(entry))
        message = f"expected a list such as [accuracy, {{top_k: 5}}], not {said}"
        problems.add(entry.place, "metrics", message)
        return []
    read = (
        _read_step("metric", METRIC_ARGS, step, ("metrics", index), problems)
        for index, step in enumerate(entry.value)
    )
    return [metric for metric in read if metric is not None]


def _read_step(
    what: str, table: Any, step: Entry, path: KeyPath, problems: Problems
) -> Metric | None:
    """A name, or a map of one name to its arguments, against a table of names."""
    value: Entry | None = None
    if isinstance(step.value, str):
        name = step.value
    elif isinstance(step.value, dict) and len(step.value) == 1:
        ((name, value),) = step.value.items()
    else:
        message = f"expected a name or a map with one name, not {described(plain(step))}"
        if isinstance(step.value, dict) and step.value:
            message = f"an item has one {what}; start a new `- ` line for each"
        problems.add(step.place, path, message)
        return None
    place = value.key_or_value if value is not None else step.place
    inner = (*path, name) if value is not None else path
    spec: Spec | None = table.get(name)
    if spec is None:
        problems.add(place, inner, unknown(what, name, table))
        return None
    args = read_arguments(spec, value, inner, problems)
    add_missing_arguments(spec, args, Entry(None, place), inner, problems)
    return name, args
