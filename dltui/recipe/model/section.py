"""The `model` section, or several under `models`: layers, blocks and their names, or `from:`."""

from __future__ import annotations

from typing import Any, Final

from dltui.recipe.arguments import add_missing_arguments, read_named_arguments
from dltui.recipe.catalogue import LAYERS
from dltui.recipe.model.layers import NAME, read_layers
from dltui.recipe.model.pretrained import PRETRAINED_KEYS, read_pretrained
from dltui.recipe.model.references import References
from dltui.recipe.model.scope import MODIFIERS, STRUCTURES, BlockHead, Scope, Vocabulary
from dltui.recipe.model.size import MOST_LAYERS, first_too_large
from dltui.recipe.names import described, unknown
from dltui.recipe.nodes import Block, InitRule, KeyPath, Model, Node
from dltui.recipe.plugins import PluginName
from dltui.recipe.schema.init import INITS
from dltui.recipe.tree import OVERRIDE_FILE, Entry, Problems, nearest_entry, plain

_LAYER_KEYS: Final = ("params", "blocks", "layers", "inputs", "outputs", "init")
_MOST_BLOCKS: Final = 200


def read_models(root: Entry, plugins: list[PluginName], problems: Problems) -> dict[str, Model]:
    """The networks of a recipe by name, one under `model` or several under `models`.

    What is wrong with them goes to `problems`.
    """
    several = root.get("models")
    if several is None or several.value is None:
        return {"model": _read_model(root.get("model"), ("model",), root, plugins, problems)}
    if root.get("model") is not None:
        message = "`model` and `models` exclude each other; name every network under `models`"
        problems.add(several.key_or_value, "models", message)
    if not isinstance(several.value, dict) or not several.value:
        said = described(plain(several))
        problems.add(several.place, "models", f"expected a map of networks by name, not {said}")
        return {"model": Model(("models",))}
    for name, entry in several.value.items():
        if not NAME.match(name):
            message = "a network's name is letters, digits and _"
            problems.add(entry.key_or_value, ("models", name), message)
    return {
        name: _read_model(entry, ("models", name), root, plugins, problems)
        for name, entry in several.value.items()
    }


def _read_model(
    entry: Entry | None,
    at: KeyPath,
    root: Entry,
    plugins: list[PluginName],
    problems: Problems,
) -> Model:
    if entry is None:
        return Model(at)
    if not isinstance(entry.value, dict):
        said = described(plain(entry))
        problems.add(entry.place, at, f"expected a map with `layers` or `from`, not {said}")
        return Model(at)
    keys: dict[str, Entry] = entry.value
    allowed = (*_LAYER_KEYS, *PRETRAINED_KEYS)
    for key, child in keys.items():
        if key not in allowed:
            problems.add(child.key_or_value, (*at, key), unknown("key", key, allowed))
    if "from" in keys:
        return _read_ready_made(keys, at, problems)
    for key in PRETRAINED_KEYS:
        if key in keys:
            problems.add(keys[key].key_or_value, (*at, key), f"`{key}` goes with `from`")
    if "layers" not in keys:
        problems.add(entry.key_or_value, at, f"`{at[-1]}` needs `layers: […]` or `from: NAME`")
        return Model(at)
    return _read_layered(root, keys, at, plugins, problems)


def _read_ready_made(keys: dict[str, Entry], at: KeyPath, problems: Problems) -> Model:
    for key in ("layers", "params", "blocks", "inputs", "outputs"):
        if key in keys:
            message = f"`{key}` does not go with `from`; write one of the two"
            problems.add(keys[key].key_or_value, (*at, key), message)
    scope = Scope(Vocabulary(problems))
    pretrained = read_pretrained(keys, at, scope)
    return Model(at, pretrained=pretrained, init=_read_init(keys.get("init"), at, scope))


def _read_layered(
    root: Entry,
    keys: dict[str, Entry],
    at: KeyPath,
    plugins: list[PluginName],
    problems: Problems,
) -> Model:
    vocabulary = Vocabulary(
        problems,
        _read_block_heads(keys.get("blocks"), at, problems),
        {plugin.name: plugin for plugin in plugins if plugin.kind == "layer"},
    )
    params, scope = _read_model_params(keys.get("params"), at, Scope(vocabulary))
    blocks = _read_block_bodies(keys.get("blocks"), at, scope)
    layers = read_layers(keys["layers"], (*at, "layers"), scope)
    inputs = _read_names(keys.get("inputs"), (*at, "inputs"), problems)
    outputs = _read_names(keys.get("outputs"), (*at, "outputs"), problems)
    references = References(root, problems)
    endless = references.check_blocks(blocks)
    known = references.check(layers, frozenset(inputs))
    references.check_outputs(outputs, (*at, "outputs"), known)
    if not endless:
        _check_size(root, layers, blocks, problems)
    init = _read_init(keys.get("init"), at, scope)
    _check_use(keys.get("params"), (*at, "params"), vocabulary)
    return Model(at, layers, blocks, params, inputs, outputs, init)


def _check_use(entry: Entry | None, path: KeyPath, vocabulary: Vocabulary) -> None:
    """A parameter that an override gives and nothing uses is a misspelt one.

    In a file it may be left over from the recipe that it extends.
    """
    given = entry.value if entry is not None and isinstance(entry.value, dict) else {}
    used = [key for key in given if key in vocabulary.variables_used]
    for key, child in given.items():
        if key not in used and child.place.file == OVERRIDE_FILE:
            vocabulary.problems.add(child.place, (*path, key), unknown("parameter", key, used))


def _read_model_params(
    entry: Entry | None, at: KeyPath, scope: Scope
) -> tuple[dict[str, Any], Scope]:
    """The model's own variables, each of which may use those before it, and the scope with them."""
    problems = scope.vocabulary.problems
    path = (*at, "params")
    if entry is None or entry.value is None:
        return {}, scope
    if not isinstance(entry.value, dict):
        message = "expected a map of numbers and texts: `params: {width: 768, layers: 12}`"
        problems.add(entry.place, path, message)
        return {}, scope
    params: dict[str, Any] = {}
    for key, child in entry.value.items():
        if not key.isidentifier() or key in ("data", "index"):
            message = f"`{key[:40]}` cannot name a parameter"
            problems.add(child.key_or_value, (*path, key), message)
        params[key] = scope.convert(child, (*path, key))
        scope = scope.with_variables(key)
    return params, scope


def _check_size(
    root: Entry, layers: tuple[Node, ...], blocks: dict[str, Block], problems: Problems
) -> None:
    for body in (layers, *(block.body for block in blocks.values())):
        if (path := first_too_large(body, blocks)) is not None:
            entry, _ = nearest_entry(root, path)
            message = f"this unrolls to more than {MOST_LAYERS:,} layers"
            problems.add(entry.key_or_value, path, message)


def _read_block_heads(entry: Entry | None, at: KeyPath, problems: Problems) -> dict[str, BlockHead]:
    path = (*at, "blocks")
    if entry is None or entry.value is None:
        return {}
    if not isinstance(entry.value, dict):
        problems.add(entry.place, path, "expected a map: block name to `params` and `layers`")
        return {}
    if len(entry.value) > _MOST_BLOCKS:
        problems.add(entry.key_or_value, path, f"a model has at most {_MOST_BLOCKS} blocks")
        return {}
    heads: dict[str, BlockHead] = {}
    for name, block in entry.value.items():
        place = block.key_or_value
        if not NAME.match(name):
            problems.add(place, (*path, name), "a block's name is letters, digits and _")
        elif name in LAYERS or name in STRUCTURES or name in MODIFIERS:
            problems.add(place, (*path, name), f"`{name}` is a layer already; name it otherwise")
        heads[name] = BlockHead(name, _read_params(block, (*path, name), problems))
    return heads


def _read_params(block: Entry, path: KeyPath, problems: Problems) -> dict[str, Any]:
    params = block.get("params")
    if params is None or params.value is None:
        return {}
    if not isinstance(params.value, dict):
        message = "expected a map of defaults: `params: {out: 64, stride: 1}`; null has no default"
        problems.add(params.place, (*path, "params"), message)
        return {}
    for key, child in params.value.items():
        if not key.isidentifier() or key == "data":
            message = f"`{key[:40]}` cannot name a parameter"
            problems.add(child.key_or_value, (*path, "params", key), message)
    return {key: plain(child) for key, child in params.value.items()}


def _read_block_bodies(entry: Entry | None, at: KeyPath, scope: Scope) -> dict[str, Block]:
    problems = scope.vocabulary.problems
    blocks: dict[str, Block] = {}
    for name, head in scope.vocabulary.blocks.items():
        block = entry.value[name] if entry is not None else None
        path: KeyPath = (*at, "blocks", name)
        if block is None or not isinstance(block.value, dict) or "layers" not in block.value:
            if block is not None:
                problems.add(block.key_or_value, path, f"block `{name}` needs `layers: […]`")
            continue
        for key, child in block.value.items():
            if key not in ("params", "layers"):
                message = unknown("key", key, ("params", "layers"))
                problems.add(child.key_or_value, (*path, key), message)
        inner = scope.with_variables(*head.params)
        params: dict[str, Any] = {}
        if isinstance(given := block.value.get("params"), Entry) and isinstance(given.value, dict):
            params = {
                key: scope.convert(child, (*path, "params", key))
                for key, child in given.value.items()
            }
        body = read_layers(block.value["layers"], (*path, "layers"), inner)
        blocks[name] = Block(name, params, body, path)
    return blocks


def _read_names(entry: Entry | None, path: KeyPath, problems: Problems) -> tuple[str, ...]:
    if entry is None or entry.value is None:
        return ()
    if not isinstance(entry.value, list):
        problems.add(entry.place, path, f"expected a list of names, not {described(plain(entry))}")
        return ()
    names: list[str] = []
    for index, item in enumerate(entry.value):
        good = isinstance(item.value, str) and all(map(NAME.match, item.value.split(".")))
        if not good:
            message = f"expected a name, not {described(plain(item))}"
            problems.add(item.place, (*path, index), message)
        elif item.value in names:
            problems.add(item.place, (*path, index), f"`{item.value}` is named twice")
        else:
            names.append(item.value)
    return tuple(names)


def _read_init(entry: Entry | None, at: KeyPath, scope: Scope) -> tuple[InitRule, ...]:
    problems = scope.vocabulary.problems
    path = (*at, "init")
    if entry is None or entry.value is None:
        return ()
    if not isinstance(entry.value, list):
        message = "expected a list of rules: `- {match: '*.weight', init: he_normal}`"
        problems.add(entry.place, path, message)
        return ()
    rules = (_read_rule(item, (*path, index), scope) for index, item in enumerate(entry.value))
    return tuple(rule for rule in rules if rule is not None)


def _read_rule(entry: Entry, path: KeyPath, scope: Scope) -> InitRule | None:
    problems = scope.vocabulary.problems
    kind, match = entry.get("init"), entry.get("match")
    if kind is None:
        message = "expected a rule: `{match: '*.weight', init: he_normal}`"
        problems.add(entry.place, path, message)
        return None
    if not isinstance(kind.value, str) or kind.value not in INITS:
        message = unknown("initialisation", str(plain(kind)), INITS)
        problems.add(kind.place, (*path, "init"), message)
        return None
    if match is not None and not isinstance(match.value, str):
        message = f"`match` takes a pattern, not {described(plain(match))}"
        problems.add(match.place, (*path, "match"), message)
        return None
    spec = INITS[kind.value]
    given = {key: child for key, child in entry.value.items() if key not in ("init", "match")}
    args = read_named_arguments(spec.name, spec.args, given, path, problems, scope.convert)
    add_missing_arguments(spec, args, entry, path, problems)
    return InitRule(match.value if match else "*", spec.name, args, path)
