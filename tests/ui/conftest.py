"""Every UI test has settings, caches, runs and a current folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DLTUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
