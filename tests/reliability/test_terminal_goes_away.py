"""The terminal, the SSH link and the screen go away; the training and every step of it stay."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from dltui.recipe import load_recipe
from dltui.runs import Status, create_run, effective_state
from tests.e2e.conftest import PATIENCE_S, Place, Run
from tests.e2e.terminal import Terminal, dltui
from tests.reliability.namespaces import can_unshare, unshared

pytestmark = pytest.mark.slow
TEAM = """\
dltui: 1
name: team
data: {type: builtin, name: digits, batch_size: 32, limit: 320, flat: true}
model: {layers: [{linear: 16}, relu, {linear: $(data.classes)}]}
task: {type: classify}
optimizer: {type: sgd, lr: 0.1, momentum: 0.9}
trainer: {epochs: 100000, device: cpu, devices: 2, threads: 1, evaluate_every_epochs: null}
diagnostics: {enabled: false}
"""


def assert_it_trains_on_and_shows_everything(place: Place, run: Run, pid: int) -> None:
    last = run.until_further(10)
    assert run.pid == pid
    assert effective_state(run.folder.path, run.status) == "running"
    recorded = sorted(run.column("loss"))
    assert recorded == list(range(1, recorded[-1] + 1))
    again = place.terminal("watch", run.folder.name)
    again.wait_for("● running", PATIENCE_S)
    assert max(run.column("loss")) >= last
    again.hang_up()


def test_it_trains_on_when_the_ssh_link_drops(place: Place, link: list[str]) -> None:
    exports = [f"{name}={shlex.quote(value)}" for name, value in place.environment.items()]
    train = shlex.join(dltui("train", "digits.yaml", "--name", "remote"))
    remote = f"cd {shlex.quote(str(place.folder))} && env {' '.join(exports)} {train}"
    terminal = Terminal([*link, "-tt", remote], size=(120, 36), env={}, cwd=place.folder)
    place.terminals.append(terminal)
    terminal.wait_for("● running", PATIENCE_S)
    run = place.run("remote")
    pid = run.pid
    ui = [p for p in psutil.process_iter(["cmdline"]) if "remote" in (p.info["cmdline"] or [])]
    client = terminal.program()
    assert client.name() == "ssh"
    client.kill()
    _, alive = psutil.wait_procs([p for p in ui if p.pid != client.pid], timeout=30)
    assert [p for p in alive if p.pid != pid and "train" in p.cmdline()] == []
    assert_it_trains_on_and_shows_everything(place, run, pid)
    place.say("stop", "remote")


@pytest.mark.skipif(shutil.which("torchrun") is None, reason="torchrun is not installed")
def test_a_team_under_torchrun_trains_on_when_the_terminal_hangs_up_and_screens_die(
    place: Place,
) -> None:
    place.write("team.yaml", TEAM)
    recipe = load_recipe(place.folder / "team.yaml")
    folder = create_run(
        place.runs, "team", recipe.source_text, recipe.resolved_yaml(), Status(recipe="team.yaml")
    )
    launch = ["torchrun", "--nnodes=1", "--nproc-per-node=2", f"--master-port={free_port()}"]
    started = shlex.join([*launch, "-m", "dltui.worker", str(folder.path)])
    log = shlex.quote(str(folder.worker_log))
    watch = shlex.join(dltui("watch", folder.name))
    script = f"setsid {started} >> {log} 2>&1 < /dev/null & sleep 1; exec {watch}"
    terminal = Terminal(
        ["sh", "-c", script], size=(120, 36), env=place.environment, cwd=place.folder
    )
    place.terminals.append(terminal)
    run = Run(folder)
    run.until(lambda: run.status.step > 5)
    pid = run.pid
    team = psutil.Process(pid).parent()
    assert team is not None
    terminal.hang_up()
    try:
        assert_it_trains_on_and_shows_everything(place, run, pid)
        assert len([p for p in team.children() if p.is_running()]) == 2
        place.say("stop", folder.name)
        run.until(lambda: run.status.state == "stopped")
        assert run.status.checkpoint_step == run.status.step
    finally:
        for process in [*team.children(recursive=True), team]:
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """An SSH server of this test on loopback; the command of a client that may log in."""
    server = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if server is None or shutil.which("ssh") is None or sys.platform != "linux":
        pytest.skip("no SSH server is installed")
    if os.geteuid() == 0 and not can_unshare():
        pytest.skip("this machine does not let sshd have a folder of its own under /run")
    folder, port = tmp_path_factory.mktemp("ssh"), free_port()
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPasswordAuthentication no\nStrictModes no\n"
        f"PermitRootLogin yes\nPidFile {folder}/pid\n"
    )
    command = [server, "-D", "-e", "-f", str(config)]
    if os.geteuid() == 0:
        command = unshared("mount -t tmpfs none /run && mkdir /run/sshd", command)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    client = ["ssh", "-F", "none", "-p", str(port), "-i", str(folder / "user")]
    for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"):
        client += ["-o", option]
    client.append(f"{getpass.getuser()}@127.0.0.1")
    try:
        if not _answers(client):
            pytest.skip(f"the SSH server lets nobody in: {(folder / 'log').read_text()[-300:]}")
        yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _answers(client: list[str]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        done = subprocess.run(
            [*client, "-o", "BatchMode=yes", "true"], capture_output=True, check=False
        )
        if done.returncode == 0:
            return True
        time.sleep(0.3)
    return False
