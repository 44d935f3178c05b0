"""The helper process that runs a network once: its answer, and what it says when it has none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dltui.cli.activations import activations
from dltui.errors import DltuiError
from dltui.launch import looking
from dltui.runs import RunFolder


def answering(monkeypatch: pytest.MonkeyPatch, out: str, err: str = "", code: int = 0) -> list[Any]:
    """A helper that says this at once; the commands that it was started with."""
    asked: list[Any] = []
    program = f"import sys; print({out!r}); print({err!r}, file=sys.stderr); sys.exit({code})"
    real = subprocess.Popen

    def start(command: list[str], **settings: Any) -> Any:
        asked.append(command)
        return real([sys.executable, "-I", "-S", "-X", "utf8", "-c", program], **settings)

    monkeypatch.setattr(looking.subprocess, "Popen", start)
    return asked


ANSWER = {
    "run": "r",
    "step": 20,
    "part": "val",
    "example": {"index": 4, "target": 1, "text": None, "values": None},
    "prediction": [{"class": 1, "name": "\x1b[31mone", "probability": 0.75}],
    "layers": [
        {
            "name": "conv",
            "type": "Conv2d",
            "shape": [1, 8, 8, 8],
            **{"mean": 0.5, "std": 1.0, "min": -1.0, "max": 2.0, "zeros": 0.0, "non_finite": 0},
        }
    ],
    "pictures": [{"kind": "saliency", "file": "000-saliency.png"}],
}


def test_a_run_by_name_and_step_is_shown_as_text_and_json(
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = answering(monkeypatch, json.dumps(ANSWER))
    runs = run.path.parent
    assert activations(f"{run.name}@20", runs, 4, tmp_path / "out", as_json=False) == 0
    said = capsys.readouterr()
    assert asked[0][-4:] == ["--example", "4", "--step", "20"]
    assert "conv   Conv2d  1×8×8×8  0.5" in said.out
    assert "0.750" in said.out
    assert said.out.replace("\n", "").isprintable()
    assert "torch" in said.err
    assert activations(run.name, runs, 4, None, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == [{"kind": "saliency", "file": None}]


@pytest.mark.parametrize(
    ("out", "err", "code", "says"),
    [
        ("", "val: there is no example 9\n  0 to 8", 2, "no example 9"),
        ("", "Traceback …\nMemoryError", 1, "ended with code 1"),
        ("no json", "", 0, "ended with code 0"),
    ],
)
def test_a_helper_without_an_answer_is_an_error(
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    out: str,
    err: str,
    code: int,
    says: str,
) -> None:
    answering(monkeypatch, out, err, code)
    with pytest.raises(DltuiError, match=says):
        looking.look(run.path, tmp_path / "pictures")


def test_a_helper_ends_as_soon_as_its_answer_is_no_longer_wanted(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def start(command: list[str], **settings: Any) -> Any:
        started.append(real([sys.executable, "-c", "import time; time.sleep(600)"], **settings))
        return started[0]

    monkeypatch.setattr(looking.subprocess, "Popen", start)
    with pytest.raises(DltuiError, match="given up"):
        looking.look(run.path, tmp_path / "pictures", cancelled=lambda: bool(started))
    assert started[0].returncode == -9
