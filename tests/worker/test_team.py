"""Two processes that share one training, with torch's gloo on the CPU."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dltui.runs import RunFolder, pointed, read_status
from dltui.worker.checkpoints import read_checkpoint
from dltui.worker.describe import describe_recipe
from tests.worker.conftest import MakeRun

PLAIN = """
dltui: 1
name: team
data: {type: builtin, name: digits, batch_size: 32, limit: 320, flat: true}
model: {layers: [{linear: 32}, relu, {linear: $(data.classes)}]}
task: {type: classify}
optimizer: {type: sgd, lr: 0.1, momentum: 0.9}
trainer: {epochs: 2, device: cpu, threads: 1}
diagnostics: {enabled: false}
"""
LONG = ("trainer.epochs=100000", "trainer.evaluate_every_epochs=null")


def started(run: RunFolder, *arguments: str) -> subprocess.Popen[bytes]:
    with run.worker_log.open("ab") as log:
        command = [sys.executable, "-m", "dltui.worker", str(run.path), *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def trained(run: RunFolder, *arguments: str) -> int:
    return started(run, *arguments).wait(timeout=300)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found = pointed(run.checkpoints, "latest")
    assert found is not None, run.worker_log.read_text()
    return read_checkpoint(found)[0]


def wait_for_step(run: RunFolder, step: int) -> None:
    end = time.monotonic() + 240
    while read_status(run.path).step < step and time.monotonic() < end:
        time.sleep(0.1)
    assert read_status(run.path).step >= step, run.worker_log.read_text()


def follower_of(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def long_team(make_run: MakeRun) -> Iterator[tuple[RunFolder, subprocess.Popen[bytes]]]:
    run = make_run(PLAIN, "trainer.devices=2", *LONG)
    process = started(run)
    yield run, process
    process.kill()
    process.wait()


def test_two_processes_learn_what_one_learns(make_run: MakeRun) -> None:
    alone, shared = make_run(PLAIN), make_run(PLAIN, "trainer.devices=2")
    assert trained(alone) == 0
    assert trained(shared) == 0, shared.worker_log.read_text()
    one, two = weights(alone), weights(shared)
    assert read_status(shared.path).step == read_status(alone.path).step
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_signal_to_the_leader_saves_and_a_resume_ends_like_an_unbroken_training(
    make_run: MakeRun,
) -> None:
    whole, parted = (make_run(PLAIN, "trainer.devices=2", "trainer.epochs=30") for _ in range(2))
    assert trained(whole) == 0
    process = started(parted)
    wait_for_step(parted, 5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=240) == 128 + signal.SIGTERM
    status = read_status(parted.path)
    assert status.state == "stopped"
    assert 5 <= (status.checkpoint_step or 0) < read_status(whole.path).step
    assert trained(parted, "--resume") == 0
    one, two = weights(whole), weights(parted)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the other process through /proc")
def test_the_end_of_one_process_fails_the_run_with_its_number(
    long_team: tuple[RunFolder, subprocess.Popen[bytes]],
) -> None:
    run, process = long_team
    wait_for_step(run, 3)
    os.kill(follower_of(process), signal.SIGKILL)
    assert process.wait(timeout=240) == 1
    status = read_status(run.path)
    assert (status.state, "process 2 of 2" in status.message) == ("failed", True), status.message


@pytest.mark.skipif(sys.platform != "linux", reason="finds the other process through /proc")
def test_nothing_trains_on_when_the_leader_is_killed(
    long_team: tuple[RunFolder, subprocess.Popen[bytes]],
) -> None:
    run, process = long_team
    wait_for_step(run, 3)
    follower = follower_of(process)
    process.kill()
    process.wait()
    end = time.monotonic() + 240
    while not has_ended(follower) and time.monotonic() < end:
        time.sleep(0.1)
    assert has_ended(follower)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.batch_size=1", "a batch of 1 cannot be shared by 2 devices"),
        ("data.kfold={folds: 2}", "cross-validation trains on one device"),
    ],
)
def test_a_training_that_cannot_be_shared_is_refused_before_it_starts(
    override: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(PLAIN)
    errors = describe_recipe(path, ["trainer.devices=2", override])["errors"]
    assert [error["path"] for error in errors] == ["trainer.devices"]
    assert message in errors[0]["message"]
