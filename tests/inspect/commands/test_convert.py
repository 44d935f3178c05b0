"""`dltui convert`: the file is there whole or not at all, and what got lost is said."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.e2e.command_line import CommandLine
from tests.inspect.commands.test_inspect import EVIL, cli, sparse

__all__ = ["cli"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.tensor([1.0, 1e6]), EVIL: torch.tensor([1e-30])}, path)
    return path


def test_what_was_written_and_lost_is_told(cli: CommandLine, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.pt"
    said = cli("convert", str(weights), str(out), "--dtype", "float16", "--json")
    assert (said.code, said.err) == (0, "")
    found = json.loads(said.out)
    assert (found["path"], found["format"], found["cast"]) == (str(out), "PyTorch zip", 2)
    assert found["bytes"] == out.stat().st_size
    assert found["overflowed"] == [{"name": "w", "values": 1}]
    assert found["vanished"] == [{"name": EVIL, "values": 1}]
    said = cli("convert", str(weights), str(out), "--dtype", "float16", "--force")
    assert "1 values of 1 tensors became infinite" in said.out
    assert said.out.replace("\n", "").isprintable()
    assert torch.load(out, weights_only=True)["w"].dtype == torch.float16


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["m.safetensors"], "this file exists"),
        (["o.xyz"], "no format goes by the ending '.xyz'"),
        (["folder.pt"], "this is a folder"),
        (["none/o.pt"], "No such file or directory"),
        (["o.pt", "--dtype", "int8"], "there is no cast to 'int8'"),
        (["o.pt", "--only", "head"], "there is no part 'head'"),
        (["o.pt", "--only", "ema"], "there is no ema to keep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    cli: CommandLine,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pt").mkdir()
    before = weights.read_bytes()
    said = cli("convert", "m.safetensors", *arguments)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert weights.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"m.safetensors", "folder.pt"}


def test_a_file_can_be_replaced_by_its_own_conversion(
    cli: CommandLine, weights: Path, tmp_path: Path
) -> None:
    said = cli("convert", str(weights), str(weights), "--dtype", "bfloat16", "--force")
    assert said.code == 0
    assert load_file(weights)["w"].tolist() == [1.0, 999424.0]
    assert list(tmp_path.iterdir()) == [weights]


@pytest.mark.parametrize("out", ["o.pt", "o.safetensors"])
def test_a_disk_that_takes_no_more_leaves_what_was_there(tmp_path: Path, out: str) -> None:
    source = sparse(tmp_path / "big.safetensors", 40_000_000)
    (tmp_path / out).write_text("before")
    command = [sys.executable, "-m", "dltui", "convert", str(source), str(tmp_path / out)]

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))

    done = subprocess.run([*command, "--force"], capture_output=True, preexec_fn=lower, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"cannot be written: File too large" in done.stderr
    assert (tmp_path / out).read_text() == "before"
    assert {entry.name for entry in tmp_path.iterdir()} == {"big.safetensors", out}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    source = sparse(tmp_path / "big.safetensors", 4_000_000_000)
    with subprocess.Popen(
        [sys.executable, "-m", "dltui", "convert", str(source), str(tmp_path / "o.pt")],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.01)
        process.send_signal(number)
        process.wait()
    # Where the signal comes inside of an `exec`, CPython ends itself by SIGINT after all is done:
    # a shell says 130 of that too.
    assert process.returncode in (130, -signal.SIGINT)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source = sparse(tmp_path / "big.safetensors", 200_000_000)
    code = (
        "import sys\n"
        f"sys.argv = ['dltui', 'convert', {str(source)!r}, {str(tmp_path / 'o.pt')!r}, "
        "'--dtype', 'bfloat16']\n"
        "from dltui.cli import main\n"
        "try: main()\n"
        "finally: print(*(l for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    name, peak, unit = done.stdout.split()[-3:]
    assert (name, unit) == ("VmHWM:", "kB")
    assert int(peak) < 100_000
    assert (tmp_path / "o.pt").stat().st_size > 100_000_000
    (tmp_path / "o.pt").unlink()
