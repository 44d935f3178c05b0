"""A fresh run to write to and read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.runs.layout import RunFolder, create_run
from dltui.runs.status import Status


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return create_run(tmp_path / "runs", "digits", "dltui: 1\n", "dltui: 1\n", Status(task="fit"))
