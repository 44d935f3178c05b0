"""A torchvision that was built for another torch is reported with the remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dltui.runs import read_status
from tests.worker.conftest import DIGITS, MakeRun

BROKEN = 'raise RuntimeError("operator torchvision::nms does not exist")\n'


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing torchvision fails as that of another torch does."""
    package = tmp_path / "path" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BROKEN)
    paths = [str(package.parent), os.environ.get("PYTHONPATH", str(Path.cwd()))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def test_the_check_names_the_pair_and_the_remedy(tmp_path: Path, broken: dict[str, str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    head, tail = DIGITS.split("model:")[0], DIGITS.split("task:")[1]
    model = "model: {from: torchvision/resnet18, replace_head: true}"
    recipe.write_text(f"{head}{model}\ntask:{tail}")
    done = subprocess.run(
        [sys.executable, "-m", "dltui.worker.describe", str(recipe)],
        env=broken,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (error,) = json.loads(done.stdout)["errors"]
    assert "do not fit together" in error["message"]
    assert "pip install --upgrade --force-reinstall torch torchvision" in error["message"]


def test_the_worker_names_the_pair_and_the_remedy(
    make_run: MakeRun, broken: dict[str, str]
) -> None:
    folder = make_run(DIGITS, "trainer.epochs=1")
    done = subprocess.run(
        [sys.executable, "-m", "dltui.worker", str(folder.path)],
        env=broken,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    status = read_status(folder.path)
    assert status.state == "failed"
    assert "do not fit together" in status.message
    assert "pip install" in status.message
