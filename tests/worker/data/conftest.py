"""A recipe's data and task, as the data room reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter

from dltui.recipe.schema.data import DataSection
from dltui.recipe.tasks import TaskSection

_DATA: TypeAdapter[Any] = TypeAdapter(DataSection)
_TASK: TypeAdapter[Any] = TypeAdapter(TaskSection)


@dataclass(frozen=True)
class DataRecipe:
    data: Any
    task: Any


@pytest.fixture
def recipe() -> Callable[..., DataRecipe]:
    def make(task: str = "classify", **data: Any) -> DataRecipe:
        return DataRecipe(_DATA.validate_python(data), _TASK.validate_python({"type": task}))

    return make
