"""The JSON Schema of a recipe, for completion and checks in editors.

It is looser than `load_recipe`: a recipe that extends another may leave out anything, blocks and
plugins bring layer names of their own, and rules between sections are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dltui.recipe.catalogue import LAYERS, Arg
from dltui.recipe.merge import PLURALS
from dltui.recipe.model.scope import DATA_VARIABLES
from dltui.recipe.schema.augment import AUGMENTATIONS
from dltui.recipe.schema.init import INITS
from dltui.recipe.schema.metrics import METRIC_ARGS
from dltui.recipe.schema.optimizers import OPTIMIZERS
from dltui.recipe.schema.root import ADAPTERS, REQUIRED, SECTIONS
from dltui.recipe.space import KINDS

Schema = dict[str, Any]

_EXPRESSION: Final[Schema] = {"$ref": "#/$defs/expression"}
_LAYERS: Final[Schema] = {"$ref": "#/$defs/layers"}
_TEXT: Final[Schema] = {"type": "string"}
_NAMES: Final[Schema] = {"type": "array", "items": _TEXT}
_ABOUT: Final = {
    "dltui": "version of the recipe language",
    "name": "names the run folders; the file's name where it is left out",
    "about": "one sentence for lists",
    "extends": "a recipe, or several, that this one changes: a shipped name or a path",
    "plugins": "Python files of your own, which run in the training process only",
    "data": "where examples come from, how they are split, batched and augmented",
    "model": "the network: layers, or a ready-made one with `from`",
    "task": "what is learned: the loss and the kind of prediction",
    "models": "several networks by name, for the tasks that train several",
    "optimizer": "any optimiser of torch.optim with its arguments",
    "optimizers": "one optimiser for each of several networks, by the network's name",
    "scheduler": "how the learning rate changes",
    "trainer": "how long, where and how to train",
    "metrics": "what is measured on the validation part",
    "diagnostics": "what is recorded about weights, gradients and activations",
    "callbacks": "callbacks that plugin files register",
    "sweep": "hyperparameters to search over",
}


def json_schema() -> Schema:
    """A JSON Schema, draft 2020-12, that every right recipe fits."""
    definitions: Schema = {}
    sections = {name: _section(name, definitions) for name in ADAPTERS}
    sections |= {
        "dltui": {"const": 1},
        "name": {**_TEXT, "maxLength": 80},
        "about": _TEXT,
        "extends": {"anyOf": [_TEXT, _NAMES]},
        "plugins": {"type": "array", "items": {**_TEXT, "pattern": r"\.py$"}},
        "model": {"$ref": "#/$defs/model"},
        "models": {"type": "object", "additionalProperties": {"$ref": "#/$defs/model"}},
        "optimizer": _optimizer(),
        "optimizers": {"type": "object", "additionalProperties": _optimizer()},
        "metrics": {"type": "array", "items": _steps(METRIC_ARGS)},
    }
    _refine(definitions, sections)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dltui recipe",
        "type": "object",
        "properties": {
            name: {**_or_null(sections[name]), "description": _ABOUT[name]} for name in SECTIONS
        },
        "additionalProperties": False,
        "anyOf": [
            {"required": ["extends"]},
            {"required": list(REQUIRED)},
            {"required": [PLURALS.get(name, name) for name in REQUIRED]},
        ],
        "$defs": {**definitions, **_model_definitions()},
    }


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _section(name: str, definitions: Schema) -> Schema:
    schema = ADAPTERS[name].json_schema(ref_template="#/$defs/{model}")
    definitions.update(schema.pop("$defs", {}))
    loosened: Schema = _loosened(schema)
    return loosened


def _loosened(schema: Any) -> Any:
    """Without required keys, which a recipe that extends another leaves out."""
    if isinstance(schema, list):
        return [_loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {"anyOf" if key == "oneOf" else key: value for key, value in schema.items()}
    return {
        key: value if key in ("default", "enum", "const") else _loosened(value)
        for key, value in renamed.items()
        if key not in ("required", "discriminator")
    }


def _refine(definitions: Schema, sections: Schema) -> None:
    """What pydantic's classes leave to tables: augmentations, callbacks' own arguments."""
    for name in list(definitions):
        definitions[name] = _loosened(definitions[name])
        properties = definitions[name].get("properties", {})
        if "augment" in properties:
            properties["augment"]["items"] = _steps(AUGMENTATIONS)
    definitions["CallbackSection"]["additionalProperties"] = True
    sections["sweep"]["properties"]["space"]["additionalProperties"] = _dimension()


def _dimension() -> Schema:
    """What may stand for a key of `sweep.space`."""
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    counted = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}
    forms = {"choice": {"type": "array", "minItems": 1}}
    forms |= {kind: counted if kind == "int" else numbers for kind in KINDS if kind != "choice"}
    return {
        "type": "object",
        "properties": forms,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _argument(arg: Arg) -> Schema:
    kinds: dict[str, Schema] = {
        "int": {"type": "integer"},
        "float": {"type": "number"},
        "bool": {"type": "boolean"},
        "str": _TEXT,
        "value": _TEXT,
        "ints": {"type": "array", "items": {"anyOf": [{"type": "integer"}, _EXPRESSION]}},
        "floats": {"type": "array", "items": {"anyOf": [{"type": "number"}, _EXPRESSION]}},
        "strs": _NAMES,
        "choice": {"enum": list(arg.choices)},
        "any": {},
    }
    alternatives = ("int", "ints") if arg.kind == "int_or_ints" else (arg.kind,)
    forms = [dict(kinds[kind]) for kind in alternatives]
    for form, limit in ((form, limit) for form in forms for limit in ("minimum", "maximum")):
        if form.get("type") in ("integer", "number") and getattr(arg, limit) is not None:
            form[limit] = getattr(arg, limit)
    schema: Schema = {"anyOf": [*forms, _EXPRESSION]}
    if arg.optional:
        schema["anyOf"].append({"type": "null"})
    if arg.doc:
        schema["description"] = arg.doc
    if arg.default is not None:
        schema["default"] = json.loads(json.dumps(arg.default))
    return schema


def _arguments(args: Mapping[str, Arg]) -> Schema:
    return {
        "type": "object",
        "properties": {name: _argument(arg) for name, arg in args.items()},
        "additionalProperties": False,
    }


def _call(spec: Any) -> Schema:
    """What may stand after a name: nothing, the main argument, or arguments by name."""
    forms: list[Schema] = [{"type": "null"}, _arguments(spec.args)]
    if spec.main is not None:
        forms.insert(0, _argument(spec.args[spec.main]))
    return {"anyOf": forms, "description": spec.doc}


def _steps(table: Mapping[str, Any]) -> Schema:
    """A name of the table, or a map of one name to its arguments."""
    return {
        "anyOf": [
            {"enum": list(table)},
            {
                "type": "object",
                "properties": {name: _call(spec) for name, spec in table.items()},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


def _optimizer() -> Schema:
    own: Schema = {
        "type": {"enum": list(OPTIMIZERS), "default": "adamw"},
        "lr": {"type": "number", "exclusiveMinimum": 0, "description": "learning rate"},
        "groups": {
            "type": "array",
            "items": {"type": "object", "required": ["match"]},
            "description": "parameter groups: [{match: '*.bias', weight_decay: 0}]",
        },
    }
    every: Schema = {}
    for spec in OPTIMIZERS.values():
        for name in spec.args:
            every.setdefault(name, {})
    return {
        "type": "object",
        "properties": {**every, **own},
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": {
                    "properties": {
                        **{arg: _argument(value) for arg, value in spec.args.items()},
                        **{arg: False for arg in every if arg not in spec.args},
                    }
                },
            }
            for name, spec in OPTIMIZERS.items()
        ],
    }


def _model_definitions() -> Schema:
    names = sorted(LAYERS)
    return {
        "expression": {
            "type": "string",
            "pattern": r"\$\(.*\)",
            "description": f"arithmetic such as $(4 * d); also {', '.join(sorted(DATA_VARIABLES))}",
        },
        "layers": {"type": "array", "items": {"$ref": "#/$defs/layer"}, "minItems": 1},
        "layer": {
            "anyOf": [
                {"enum": names},
                {"type": "string", "description": "a block or a plugin's layer"},
                {"$ref": "#/$defs/layer_map"},
            ]
        },
        "layer_map": {
            "type": "object",
            "properties": {
                **{name: _call(LAYERS[name]) for name in names},
                "name": {**_TEXT, "description": "names the layer for `in`, `use`, `outputs`"},
                "in": {"anyOf": [_TEXT, _NAMES], "description": "inputs; else the layer before"},
                "residual": {**_LAYERS, "description": "layers whose output is added to the input"},
                "shortcut": {"anyOf": [{"enum": ["project", "identity"]}, _LAYERS]},
                "repeat": {"anyOf": [{"type": "integer", "minimum": 0}, _EXPRESSION]},
                "for": {"type": "object", "description": "lists walked in step: {out: [64, 128]}"},
                "layers": _LAYERS,
                "use": {**_TEXT, "description": "an earlier layer once more, weights shared"},
            },
            "minProperties": 1,
        },
        "block": {
            "type": "object",
            "properties": {
                "params": {"type": "object", "description": "defaults; null must be given"},
                "layers": _LAYERS,
            },
            "additionalProperties": False,
        },
        "model": {
            "type": "object",
            "properties": {
                "params": {
                    "type": "object",
                    "description": "sizes by name, for $(…) in layers and blocks",
                },
                "blocks": {
                    "type": "object",
                    "additionalProperties": {"$ref": "#/$defs/block"},
                    "description": "layer lists under a name, with parameters",
                },
                "layers": _LAYERS,
                "inputs": _NAMES,
                "outputs": _NAMES,
                "init": {"type": "array", "items": _init_rule()},
                "from": {
                    **_TEXT,
                    "description": "torchvision/NAME, timm/NAME, hf/NAME, run/ID or a path",
                },
                "args": {"type": "object"},
                "weights": {"type": ["string", "null"]},
                "freeze": {"anyOf": [_TEXT, _NAMES]},
                "replace_head": {"type": ["boolean", "integer"]},
                "lora": {"type": ["object", "null"]},
            },
            "additionalProperties": False,
        },
    }


def _init_rule() -> Schema:
    every: Schema = {}
    for spec in INITS.values():
        every |= {name: _argument(arg) for name, arg in spec.args.items()}
    return {
        "type": "object",
        "properties": {"match": _TEXT, "init": {"enum": list(INITS)}, **every},
        "required": ["init"],
        "additionalProperties": False,
    }
