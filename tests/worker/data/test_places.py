"""Data errors of a recipe file say where the wrong key stands."""

from __future__ import annotations

import pytest

from dltui.errors import DataError
from dltui.recipe import load_recipe
from dltui.worker.data import describe, open_data

RECIPE = """\
dltui: 1
name: wine
data:
  type: builtin
  name: wine
  {key}
model:
  layers:
    - linear: $(data.classes)
task: {{type: classify}}
"""


@pytest.fixture
def written(tmp_path):
    def write(key):
        path = tmp_path / "wine.yaml"
        path.write_text(RECIPE.format(key=key))
        return load_recipe(path)

    return write


def test_a_recipe_file_is_described_and_opened(written):
    wanted = written("batch_size: 8")
    data = open_data(wanted, seed=0, device="cpu")
    assert describe(wanted) == data.info
    assert data.train.batch_size == 8


def test_numbers_that_do_not_fit_the_data_are_found_at_their_line(written):
    with pytest.raises(DataError, match="13 features") as caught:
        open_data(written("normalize: {mean: [0.5], std: [0.5]}"), seed=0, device="cpu")
    assert caught.value.where.endswith("wine.yaml:6:3: data.normalize")


def test_a_misspelt_column_is_found_at_its_line(tmp_path):
    (tmp_path / "table.csv").write_text("weight,kind\n1,a\n2,b\n")
    text = RECIPE.format(key="target: knd")
    text = text.replace("type: builtin\n  name: wine", "type: csv\n  path: table.csv")
    (tmp_path / "table.yaml").write_text(text)
    with pytest.raises(DataError, match="Did you mean 'kind'") as caught:
        describe(load_recipe(tmp_path / "table.yaml"))
    assert caught.value.where.endswith("table.yaml:6:3: data.target")
