"""scikit-learn's sets are the same whether its files or its loaders are read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dltui.worker.data.sources import sklearn_tables
from dltui.worker.data.sources.sklearn_tables import read_table


@pytest.mark.parametrize("loader", sorted(sklearn_tables._FILES))
def test_a_set_read_from_its_file_is_the_one_of_the_loader(
    loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, targets = read_table(loader)
    monkeypatch.setattr(sklearn_tables, "_folder", lambda: Path("/nowhere"))
    expected_features, expected_targets = read_table(loader)
    np.testing.assert_array_equal(features, expected_features)
    np.testing.assert_array_equal(targets, expected_targets)


def test_reading_a_set_imports_nothing_of_scikit_learn() -> None:
    import subprocess

    code = (
        "import sys; from dltui.worker.data.sources.sklearn_tables import read_table;"
        "read_table('load_wine'); print('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
