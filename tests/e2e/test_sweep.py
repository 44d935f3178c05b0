"""`dltui sweep` from the command line: trials are runs, and Ctrl-C loses none of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess

from dltui.runs import Catalogue
from tests.e2e.conftest import DIGITS, PATIENCE_S, Place
from tests.e2e.terminal import dltui

SWEEP = """\
sweep:
  sampler: grid
  space: {trainer.epochs: {choice: [11, 100000]}}
"""


def test_a_sweep_is_interrupted_gone_on_with_and_told(place: Place) -> None:
    place.write("search.yaml", DIGITS + SWEEP)
    begun = subprocess.Popen(
        dltui("sweep", "search.yaml", "--json"),
        cwd=place.folder,
        env={**os.environ, **place.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert begun.stderr is not None
    said = []
    for line in begun.stderr:
        said.append(line)
        if "trial 1 of 2" in line:
            break
    endless = place.run("digits-sweep-1.t1")
    endless.until(lambda: endless.status.state == "running" and endless.status.step > 30)
    begun.send_signal(signal.SIGINT)
    out, rest = begun.communicate(timeout=PATIENCE_S)
    assert begun.returncode == 130, "".join(said) + rest
    assert "dltui sweep --resume digits-sweep-1" in rest
    stopped = endless.status
    assert (stopped.state, stopped.checkpoint_step) == ("stopped", stopped.step)
    first, second = json.loads(out)["trials"]
    assert (first["state"], second["state"]) == ("complete", "running")
    assert first["values"] == {"trainer.epochs": 11}
    assert 0 < first["value"] <= 1

    going_on = subprocess.Popen(
        dltui("sweep", "--resume", "last"),
        cwd=place.folder,
        env={**os.environ, **place.environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    endless.until(lambda: endless.status.state == "running" and endless.status.step > stopped.step)
    assert "another process" in place.command("sweep", "--resume", "last").stderr
    place.say("stop", endless.folder.name)
    out, _ = going_on.communicate(timeout=PATIENCE_S)
    assert going_on.returncode == 0
    assert "pruned" in out
    assert out.splitlines()[-1].endswith("search.yaml trainer.epochs=11")
    assert {summary.state for summary in Catalogue(place.runs).list()} == {"finished", "stopped"}


def test_a_sweep_of_nothing_is_refused(place: Place) -> None:
    done = place.command("sweep", "digits.yaml")
    assert done.returncode == 2
    assert "has no section `sweep`" in done.stderr
    done = place.command("sweep", "--resume", "nothing")
    assert done.returncode == 2
    assert "there is no sweep 'nothing'" in done.stderr
