"""A training outlives everything around it, and whoever comes back finds all of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import Any

import pytest
import torch

from tests.e2e.conftest import PATIENCE_S, Place, Run
from tests.e2e.terminal import Terminal, dltui

pytestmark = pytest.mark.slow

EXACT = """\
dltui: 1
name: exact
data:
  type: builtin
  name: digits
  batch_size: 4
  augment: [{crop: {padding: 1}}, {affine: {degrees: 10}}]
model:
  layers: [{conv: {out: 6, bias: false}}, bn, relu, {dropout: 0.3}, flatten, {linear: 10}]
task: {type: classify}
optimizer: {type: adamw, lr: 0.003}
scheduler: {type: one_cycle}
trainer: {epochs: 3, device: cpu, ema: {decay: 0.99}, checkpoint: {every_steps: 200}}
"""


@pytest.fixture(scope="module")
def started(place: Place) -> tuple[Run, Terminal]:
    """A run that was started in a terminal, and that terminal."""
    terminal = place.terminal("train", "digits.yaml", "--name", "live")
    terminal.wait_for("● running", PATIENCE_S)
    return place.run("live"), terminal


def tensors(run: Run, file: str) -> dict[str, Any]:
    """A file of the newest checkpoint."""
    latest = (run.folder.checkpoints / "latest").read_text().strip()
    found: dict[str, Any] = torch.load(run.folder.checkpoints / latest / file, weights_only=True)
    return found


def same(first: Any, second: Any) -> bool:
    """Bitwise equal, whatever the nesting."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def test_commands_are_confirmed_while_two_terminals_watch(
    place: Place, started: tuple[Run, Terminal]
) -> None:
    run, first = started
    second = place.terminal("watch", "live", size=(80, 24))
    second.wait_for("● running")
    before = len(run.answers())

    assert "paused after step" in place.say("pause", "live")
    for terminal in (first, second):
        terminal.wait_for("‖ paused")
    assert "lr 0.0005 from step" in place.say("set", "live", "lr=5e-4")
    first.wait_for("set by hand")
    assert "saved at step" in place.say("checkpoint", "live")
    paused_at = run.status.step
    assert run.status.checkpoint_step == paused_at
    assert "going on after step" in place.say("resume", "live")
    for terminal in (first, second):
        terminal.wait_for("● running")
    run.until_further()

    kinds = ["pause", "set", "checkpoint", "resume"]
    assert run.answers()[before:] == [(kind, True) for kind in kinds]
    rates = run.column("lr")
    assert rates[paused_at] == pytest.approx(1e-3)
    assert rates[paused_at + 1] == pytest.approx(5e-4)
    second.keys("q")
    second.wait_for("exit code 0")


def test_training_goes_on_when_its_screen_is_killed_and_the_next_one_shows_it_all(
    place: Place, started: tuple[Run, Terminal]
) -> None:
    run, terminal = started
    pid = run.pid
    terminal.program().kill()
    terminal.wait_for("exit code 137")
    last = run.until_further()
    assert run.pid == pid
    assert run.status.attempt == 1
    recorded = sorted(run.column("loss"))
    assert recorded == list(range(1, recorded[-1] + 1))

    again = place.terminal("watch", "live")
    shown = again.wait_for(lambda text: (step := newest_step(text)) is not None and step >= last)
    axis = next(line for line in shown.splitlines() if re.search(r"\bstep *│", line))
    assert re.search(r"^│ *0 ", axis), shown
    again.keys("8", "z", "Home")
    again.wait_for("running")
    assert any(event.step == 0 for event in run.events())
    again.hang_up()


def test_a_killed_worker_is_told_with_its_log_and_one_key_brings_it_back(
    place: Place, started: tuple[Run, Terminal]
) -> None:
    run, _ = started
    terminal = place.terminal("watch", "live")
    terminal.wait_for("● running")
    with run.folder.worker_log.open("a") as log:
        log.write("the last words of the worker\n")
    killed, reached = run.pid, max(run.column("loss"))
    os.kill(killed, signal.SIGKILL)
    shown = terminal.wait_for("† died", 20)
    assert "vanished" in shown
    assert "the last words of the worker" in shown
    assert "r resumes it from the last checkpoint" in shown
    terminal.keys("r")
    terminal.wait_for("● running", PATIENCE_S)
    assert "vanished" not in terminal.screen()
    assert run.pid != killed
    run.until(lambda: max(run.column("loss")) > reached)
    assert run.status.attempt == 2
    recorded = sorted(run.column("loss"))
    assert recorded == list(range(1, recorded[-1] + 1))
    assert run.column("lr")[reached] == pytest.approx(5e-4)

    terminal.keys("s")
    terminal.wait_for("Stop the training?")
    terminal.keys("y")
    terminal.wait_for("■ stopped")
    assert run.status.checkpoint_step == run.status.step


def test_a_hung_up_and_interrupted_training_ends_in_bitwise_the_same_weights(
    place: Place,
) -> None:
    place.write("exact.yaml", EXACT)
    terminal = place.terminal("train", "exact.yaml", "--name", "broken")
    terminal.wait_for("● running", PATIENCE_S)
    run = place.run("broken")
    pid = run.pid
    terminal.hang_up()
    run.until_further(5)
    assert run.pid == pid

    def stopped_within_an_epoch() -> bool:
        place.say("stop", "broken")
        run.until(lambda: run.status.state == "stopped")
        return run.status.step % (run.status.steps_per_epoch or 1) > 0

    # The stop may fall on the end of an epoch by chance; the next one then does not.
    if not stopped_within_an_epoch():
        place.say("resume", "broken")
        run.until_further(5)
        assert stopped_within_an_epoch()
    assert "starts again" in place.say("resume", "broken")
    assert "finished after" in place.say("watch", "--plain", "broken")

    done = place.command("train", "exact.yaml", "--name", "whole", "--headless")
    assert done.returncode == 0, done.stderr
    whole = place.run("whole")
    assert whole.status.attempt == 1
    assert run.status.attempt == 2
    assert same(tensors(run, "model.pt"), tensors(whole, "model.pt"))
    assert same(tensors(run, "ema.pt"), tensors(whole, "ema.pt"))
    first, second = tensors(run, "training.pt"), tensors(whole, "training.pt")
    assert same(first["optimizers"], second["optimizers"])
    assert same(first["random"], second["random"])
    assert run.column("loss") == whole.column("loss")


def test_a_fork_starts_from_a_step_of_another_run_with_changed_settings(place: Place) -> None:
    place.write("exact.yaml", EXACT)
    if not (place.runs.is_dir() and any(place.runs.glob("*-whole-*"))):
        place.say("train", "exact.yaml", "--name", "whole", "--headless")
    whole = place.run("whole")
    step = min(int(path.name[5:]) for path in whole.folder.checkpoints.glob("step_*"))
    done = place.command(
        *("train", "optimizer.lr=1e-5", "scheduler.type=constant", "trainer.epochs=4"),
        *("--fork", f"whole@{step}", "--name", "fork", "--headless"),
    )
    assert done.returncode == 0, done.stderr
    fork = place.run("fork")
    assert fork.status.parent == f"{whole.folder.id}@{step}"
    assert min(fork.column("loss")) == step + 1
    assert set(fork.column("lr").values()) == {1e-5}
    assert fork.status.step == fork.status.steps_total
    assert whole.status.step < fork.status.step


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--name", "good", "trainer.epochs=2"], 0, "good-1: finished"),
        (["--name", "bad", "optimizer.lr=1e30"], 1, "the loss became"),
        (["optimizer.speed=9"], 2, "optimizer.speed"),
        (["--device", "cuda:99"], 2, "cuda:99"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    place: Place, arguments: list[str], code: int, said: str
) -> None:
    runs = set(place.runs.glob("*"))
    done = place.command("train", "digits.yaml", *arguments, "--headless")
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if code == 2:
        assert set(place.runs.glob("*")) == runs


def test_an_interrupt_ends_a_headless_training_with_a_checkpoint_and_130(place: Place) -> None:
    process = subprocess.Popen(
        dltui("train", "digits.yaml", "--name", "interrupted", "--headless"),
        cwd=place.folder,
        env={**os.environ, **place.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "val/accuracy" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "goes on from here" in rest
    status = place.run("interrupted").status
    assert status.state == "stopped"
    assert status.checkpoint_step == status.step


def newest_step(screen: str) -> int | None:
    """The step that the loss pane shows."""
    found = re.search(r"step ([\d,]+) ", screen)
    return int(found[1].replace(",", "")) if found else None
