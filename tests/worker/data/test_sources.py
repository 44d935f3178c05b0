"""A data source is found by its type, and no other is imported for it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any, get_args

import pytest

from dltui.recipe.schema.data import DataSection
from dltui.worker.data.sources.by_type import source_of

SECTIONS = get_args(get_args(DataSection)[0])
ALONE = """
import sys
from dltui.recipe import load_recipe
from dltui.worker.data import describe
describe(load_recipe("vision/unet-shapes"))
print(*[name for name in sys.modules if name.startswith("dltui.worker.data.sources.")])
"""


@pytest.mark.parametrize("section", SECTIONS)
def test_every_type_of_data_has_a_source_of_its_name(section: Any) -> None:
    (kind,) = get_args(section.model_fields["type"].annotation)
    source = source_of(section.model_construct(type=kind))
    assert list(inspect.signature(source.outline).parameters) == ["section", "task"]
    assert list(inspect.signature(source.read).parameters) == ["section", "task", "say"]


def test_describing_data_imports_its_own_source_only() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    found = {name.rsplit(".", 1)[1] for name in done.stdout.split()}
    types = {get_args(section.model_fields["type"].annotation)[0] for section in SECTIONS}
    assert found & types == {"shapes"}
