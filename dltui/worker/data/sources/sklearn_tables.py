"""scikit-learn's small sets from the files it brings along.

Importing `sklearn.datasets` takes scipy with it and up to two seconds, which the first training
step would wait for. Where a version keeps its files elsewhere its own loader is asked instead.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

_FILES: dict[str, tuple[tuple[str, ...], int]] = {
    "load_breast_cancer": (("breast_cancer.csv",), 1),
    "load_diabetes": (("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"), 0),
    "load_digits": (("digits.csv.gz",), 0),
    "load_iris": (("iris.csv",), 1),
    "load_wine": (("wine_data.csv",), 1),
}
"""Files and header lines by loader; without a file of their own the targets stand last."""


def read_table(loader: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """`(features (N, F), targets (N,))`, float64, as `sklearn.datasets.<loader>` gives them.

    The features of `load_diabetes` are the raw ones, not scaled.
    """
    files, header = _FILES[loader]
    folder = _folder()
    if folder is None or not all((folder / name).is_file() for name in files):
        return _ask(loader)
    tables = [_read(folder / name, header) for name in files]
    if len(tables) == 2:
        return tables[0], tables[1].ravel()
    return tables[0][:, :-1], tables[0][:, -1]


def _folder() -> Path | None:
    """Found without importing anything of the package."""
    found = importlib.util.find_spec("sklearn")
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / "datasets" / "data" if places else None


def _read(path: Path, header: int) -> np.ndarray[Any, Any]:
    delimiter = " " if path.name.startswith("diabetes") else ","
    if path.name == "diabetes_target.csv.gz":
        delimiter = ","
    return np.loadtxt(path, delimiter=delimiter, skiprows=header, ndmin=2)


def _ask(loader: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    import sklearn.datasets  # slow, see the module's docstring

    settings = {"scaled": False} if loader == "load_diabetes" else {}
    bunch = getattr(sklearn.datasets, loader)(**settings)
    return bunch.data, bunch.target.astype(np.float64)
