"""Layer lists: strings and one-key maps to nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from dltui.recipe.arguments import add_missing_arguments, read_arguments
from dltui.recipe.catalogue import LAYERS
from dltui.recipe.expressions import has_expression
from dltui.recipe.model.scope import MODIFIERS, STRUCTURES, Scope
from dltui.recipe.names import described, unknown
from dltui.recipe.nodes import For, Group, KeyPath, Layer, Node, Repeat, Residual, Use
from dltui.recipe.plugins import PluginName
from dltui.recipe.tree import Entry, plain

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z", re.ASCII)


class _Shared(TypedDict):
    """What every node has."""

    path: KeyPath
    name: str | None
    inputs: tuple[str, ...] | None


def read_layers(entry: Entry | None, path: KeyPath, scope: Scope) -> tuple[Node, ...]:
    """The nodes of a layer list; what is wrong goes to the scope's problems."""
    problems = scope.vocabulary.problems
    if entry is None:
        return ()
    if not isinstance(entry.value, list):
        said = described(plain(entry))
        problems.add(entry.place, path, f"expected a list of layers (`- relu`), not {said}")
        return ()
    if not entry.value:
        problems.add(entry.key_or_value, path, "the layer list is empty")
    read = (_read_node(item, (*path, index), scope) for index, item in enumerate(entry.value))
    return tuple(node for node in read if node is not None)


def _read_node(entry: Entry, path: KeyPath, scope: Scope) -> Node | None:
    problems = scope.vocabulary.problems
    if isinstance(entry.value, str):
        return _read_layer(entry.value, None, entry, {}, path, scope)
    if not isinstance(entry.value, dict):
        hint = "; a nested list needs a name: `{name: stem, layers: […]}`"
        problems.add(
            entry.place,
            path,
            f"expected a layer (`relu` or `linear: 128`), not {described(plain(entry))}"
            + (hint if isinstance(entry.value, list) else ""),
        )
        return None
    keys: dict[str, Entry] = entry.value
    for structure in STRUCTURES:
        if structure in keys:
            return _read_structure(structure, entry, path, scope)
    kinds = [key for key in keys if key not in MODIFIERS]
    if "shortcut" in keys:
        problems.add(
            keys["shortcut"].key_or_value, (*path, "shortcut"), "`shortcut` goes with `residual`"
        )
    if len(kinds) != 1:
        _add_not_one_layer(kinds, entry, path, scope)
        return None
    return _read_layer(kinds[0], keys[kinds[0]], entry, keys, path, scope)


def _add_not_one_layer(kinds: list[str], entry: Entry, path: KeyPath, scope: Scope) -> None:
    problems = scope.vocabulary.problems
    if not kinds:
        problems.add(entry.place, path, "a layer is missing here: write e.g. `linear: 128`")
        return
    names = scope.vocabulary.layer_names()
    layers = [kind for kind in kinds if kind in names] or kinds[:1]
    first, others = layers[0], [kind for kind in kinds if kind != layers[0]]
    spec = LAYERS.get(first)
    for other in others:
        place = entry.value[other].key_or_value
        if other in names:
            message = f"two layers in one item (`{first}`, `{other}`); start a new `- ` line"
        elif spec is not None and other in spec.args:
            message = f"`{other}` belongs inside the layer: `{first}: {{{other}: …}}`"
        else:
            message = unknown("key", other, [*MODIFIERS, *(spec.args if spec else ())])
        problems.add(place, (*path, other), message)


def _shared(keys: Mapping[str, Entry], path: KeyPath, scope: Scope) -> _Shared:
    return {
        "path": path,
        "name": _read_name(keys.get("name"), path, scope),
        "inputs": _read_inputs(keys.get("in"), (*path, "in"), scope),
    }


def _read_name(entry: Entry | None, path: KeyPath, scope: Scope) -> str | None:
    if entry is None:
        return None
    if isinstance(entry.value, str) and NAME.match(entry.value):
        return entry.value
    scope.vocabulary.problems.add(
        entry.place,
        (*path, "name"),
        f"a name is letters, digits and _, not {described(plain(entry))}",
    )
    return None


def _read_inputs(entry: Entry | None, path: KeyPath, scope: Scope) -> tuple[str, ...] | None:
    if entry is None:
        return None
    items = entry.value if isinstance(entry.value, list) else [entry]
    for item in items:
        if not isinstance(item.value, str):
            scope.vocabulary.problems.add(
                item.place, path, f"`in` takes names of layers, not {described(plain(item))}"
            )
    if not items:
        scope.vocabulary.problems.add(entry.place, path, "`in` names no input")
    names = tuple(item.value for item in items if isinstance(item.value, str))
    return names if names and len(names) == len(items) else None


def _read_layer(
    kind: str,
    value: Entry | None,
    entry: Entry,
    keys: Mapping[str, Entry],
    path: KeyPath,
    scope: Scope,
) -> Layer | None:
    vocabulary = scope.vocabulary
    place = value.key_or_value if value is not None else entry.place
    inner = (*path, kind) if value is not None else path
    shared = _shared(keys, path, scope)
    if kind in vocabulary.blocks:
        args = _block_arguments(kind, value, place, inner, scope)
        return Layer(kind, args, **shared)
    if kind in vocabulary.plugins:
        args = _plugin_arguments(vocabulary.plugins[kind], value, inner, scope)
        return Layer(kind, args, **shared)
    spec = LAYERS.get(kind)
    if spec is None:
        names = vocabulary.layer_names()
        vocabulary.problems.add(place, inner, unknown("layer", kind, names))
        return None
    args = read_arguments(spec, value, inner, vocabulary.problems, scope.convert)
    add_missing_arguments(spec, args, Entry(None, place), inner, vocabulary.problems)
    _check_input_count(spec.name, spec.min_inputs, spec.max_inputs, shared, place, inner, scope)
    return Layer(spec.name, args, **shared)


def _check_input_count(
    kind: str,
    least: int,
    most: int | None,
    shared: _Shared,
    place: Any,
    path: KeyPath,
    scope: Scope,
) -> None:
    inputs = shared["inputs"]
    count = 1 if inputs is None else len(inputs)
    if count < least:
        needs = f"`{kind}` joins at least {least} inputs: add `in: [a, b]`"
        scope.vocabulary.problems.add(place, path, needs)
    elif most is not None and count > most:
        takes = f"`{kind}` takes at most {most}, not {count} inputs; `cat` or `add` joins several"
        scope.vocabulary.problems.add(place, path, takes)


def _block_arguments(
    kind: str, value: Entry | None, place: Any, path: KeyPath, scope: Scope
) -> dict[str, Any]:
    problems = scope.vocabulary.problems
    params = scope.vocabulary.blocks[kind].params
    given: dict[str, Any] = {}
    if value is not None and isinstance(value.value, dict):
        for key, child in value.value.items():
            if key not in params:
                message = f"{unknown('parameter', key, params)} (of block `{kind}`)"
                problems.add(child.key_or_value, (*path, key), message)
                continue
            given[key] = scope.convert(child, (*path, key))
    elif value is not None and value.value is not None:
        if not params:
            problems.add(value.place, path, f"block `{kind}` has no `params`")
        else:
            given[next(iter(params))] = scope.convert(value, path)
    for key, default in params.items():
        if default is None and given.get(key) is None:
            problems.add(place, path, f"block `{kind}` needs `{key}`: it has no default")
    return given


def _plugin_arguments(
    plugin: PluginName, value: Entry | None, path: KeyPath, scope: Scope
) -> dict[str, Any]:
    problems = scope.vocabulary.problems
    if value is None or value.value is None:
        return {}
    if isinstance(value.value, dict):
        for key, child in value.value.items():
            if key not in plugin.parameters and not plugin.open_ended:
                message = f"{unknown('argument', key, plugin.parameters)} (of `{plugin.name}`)"
                problems.add(child.key_or_value, (*path, key), message)
        return {key: scope.convert(child, (*path, key)) for key, child in value.value.items()}
    if not plugin.parameters:
        problems.add(value.place, path, f"`{plugin.name}` takes named arguments only")
        return {}
    return {plugin.parameters[0]: scope.convert(value, path)}


def _read_structure(structure: str, entry: Entry, path: KeyPath, scope: Scope) -> Node | None:
    keys: dict[str, Entry] = entry.value
    beside = {
        "residual": ("shortcut",),
        "repeat": ("layers",),
        "for": ("layers",),
        "use": (),
        "layers": (),
    }[structure]
    allowed = (structure, "name", "in", *beside)
    for key, child in keys.items():
        if key not in allowed:
            message = f"{unknown('key', key, allowed)} (beside `{structure}`)"
            scope.vocabulary.problems.add(child.key_or_value, (*path, key), message)
    if "layers" in beside and "layers" not in keys:
        place = keys[structure].key_or_value
        scope.vocabulary.problems.add(place, path, f"`{structure}` needs `layers: […]` beside it")
        return None
    shared = _shared(keys, path, scope)
    match structure:
        case "residual":
            body = read_layers(keys["residual"], (*path, "residual"), scope)
            shortcut = _read_shortcut(keys.get("shortcut"), (*path, "shortcut"), scope)
            return Residual(body, shortcut=shortcut, **shared)
        case "repeat":
            inner = scope.with_variables("index")
            count = _read_count(keys["repeat"], (*path, "repeat"), scope)
            return Repeat(count, read_layers(keys["layers"], (*path, "layers"), inner), **shared)
        case "for":
            variables = _read_variables(keys["for"], (*path, "for"), scope)
            inner = scope.with_variables("index", *variables)
            return For(variables, read_layers(keys["layers"], (*path, "layers"), inner), **shared)
        case "use":
            target = keys["use"]
            if not isinstance(target.value, str):
                message = f"`use` takes the name of a layer, not {described(plain(target))}"
                scope.vocabulary.problems.add(target.place, (*path, "use"), message)
                return None
            return Use(target.value, **shared)
        case _:
            return Group(read_layers(keys["layers"], (*path, "layers"), scope), **shared)


def _read_shortcut(
    entry: Entry | None, path: KeyPath, scope: Scope
) -> str | tuple[Node, ...] | None:
    if entry is None or entry.value is None:
        return None
    if isinstance(entry.value, list):
        return read_layers(entry, path, scope)
    if entry.value in ("project", "identity"):
        return None if entry.value == "identity" else "project"
    scope.vocabulary.problems.add(
        entry.place,
        path,
        f"`shortcut` takes project, identity or a layer list, not {described(plain(entry))}",
    )
    return None


def _read_count(entry: Entry, path: KeyPath, scope: Scope) -> Any:
    count = scope.convert(entry, path)
    plain_number = isinstance(count, int) and not isinstance(count, bool)
    if isinstance(count, str | float | bool | list | dict | None) or (plain_number and count < 0):
        scope.vocabulary.problems.add(
            entry.place, path, f"`repeat` takes a whole number, not {described(plain(entry))}"
        )
        return 1
    return count


def _read_variables(entry: Entry, path: KeyPath, scope: Scope) -> dict[str, Any]:
    problems = scope.vocabulary.problems
    if not isinstance(entry.value, dict) or not entry.value:
        problems.add(entry.place, path, "`for` takes lists by name: `for: {out: [64, 128]}`")
        return {}
    found: dict[str, Any] = {}
    lengths: dict[str, int] = {}
    for key, child in entry.value.items():
        if not NAME.match(key) or key == "data" or "-" in key:
            problems.add(child.key_or_value, (*path, key), f"`{key[:40]}` cannot name a variable")
        elif isinstance(child.value, list):
            lengths[key] = len(child.value)
        elif not isinstance(child.value, str) or not has_expression(child.value):
            said = described(plain(child))
            problems.add(child.place, (*path, key), f"`{key}` takes a list of values, not {said}")
        found[key] = scope.convert(child, (*path, key))
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        problems.add(entry.key_or_value, path, f"the lists differ in length: {said}")
    return found
