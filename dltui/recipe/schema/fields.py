"""Which keys and types a section has at a path, for suggestions and defaults."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from dltui.recipe.schema.data import DataSection
from dltui.recipe.schema.sweep import SweepSection
from dltui.recipe.schema.training import (
    CallbackSection,
    DiagnosticsSection,
    OptimizerSection,
    SchedulerSection,
    TrainerSection,
)
from dltui.recipe.tasks import TaskSection

_ANNOTATIONS: dict[str, Any] = {
    "data": DataSection,
    "task": TaskSection,
    "optimizer": OptimizerSection,
    "scheduler": SchedulerSection,
    "trainer": TrainerSection,
    "diagnostics": DiagnosticsSection,
    "sweep": SweepSection,
    "callbacks": list[CallbackSection],
}


def keys_at(section: str, data: Any, path: Sequence[str | int]) -> list[str]:
    """The valid keys of the map at `path` in `section`, given what the recipe says so far."""
    models = _models_at(_ANNOTATIONS[section], data, path)
    return list(dict.fromkeys(key for model in models for key in model.model_fields))


def types_at(section: str, data: Any, path: Sequence[str | int]) -> list[str]:
    """The values that `type` may have at `path` in `section`."""
    models = _models_at(_ANNOTATIONS[section], data, path)
    return [tag for model in models for tag in _tags(model)]


def _models_at(annotation: Any, data: Any, path: Sequence[str | int]) -> list[type[BaseModel]]:
    members = _members(annotation)
    models = [m for m in members if isinstance(m, type) and issubclass(m, BaseModel)]
    kind = data.get("type") if isinstance(data, dict) else None
    models = [model for model in models if kind in _tags(model)] or models
    if not path:
        return models
    step, *rest = path
    if isinstance(step, int):
        items = [get_args(m)[0] for m in members if get_origin(m) is list]
        below = data[step] if isinstance(data, list) and step < len(data) else None
        return [found for item in items for found in _models_at(item, below, rest)]
    below = data.get(step) if isinstance(data, dict) else None
    fields = [model.model_fields[step] for model in models if step in model.model_fields]
    return [found for field in fields for found in _models_at(field.annotation, below, rest)]


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]


def _tags(model: type[BaseModel]) -> list[Any]:
    field = model.model_fields.get("type")
    if field is None or get_origin(field.annotation) is not Literal:
        return []
    return list(get_args(field.annotation))
