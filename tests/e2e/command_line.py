"""The command line of dltui in this process, for cases that need no process of their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from dltui.cli import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


class CommandLine:
    """`command_line("runs", "--json")` runs `dltui runs --json`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["dltui", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)
