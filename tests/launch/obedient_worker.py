"""A process that behaves towards the store as a worker does, without training anything."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from dltui.runs.checkpoints import publish_checkpoint
from dltui.runs.events import EventLog
from dltui.runs.identity import process_identity
from dltui.runs.inbox import Inbox
from dltui.runs.layout import open_run
from dltui.runs.lock import WorkerLock
from dltui.runs.metrics import MetricLog
from dltui.runs.status import read_status, write_status

run = open_run(Path(sys.argv[1]))
with WorkerLock(run.lock_path):
    events = EventLog(run.events)
    inbox = Inbox(run.inbox, events)
    status = replace(
        read_status(run.path),
        state="running",
        process=process_identity(),
        attempt=read_status(run.path).attempt + 1,
        steps_per_epoch=10,
        steps_total=100,
    )
    write_status(run.path, status)
    log = MetricLog(run.metric_log("val"), ("loss", "accuracy"))
    print("up", os.getsid(0), "resume" if "--resume" in sys.argv else "fresh", flush=True)
    while status.state != "stopped":
        for command in inbox.take():
            if command.kind == "evaluate":
                log.append(status.step, time.time(), (0.5, 0.75))
            if command.kind == "checkpoint" and "crash" in command.args:
                raise SystemError("the worker crashed")
            if command.kind == "stop":
                publish_checkpoint(run.checkpoints, 7, lambda folder: (folder / "m").touch())
                status = replace(status, state="stopped", step=7, metrics={"val/accuracy": 0.75})
            ok = command.kind != "set" or bool(
                command.args.get("lr", 1) < 1 or "temperature" in command.args
            )
            inbox.acknowledge(command, ok=ok, detail="done" if ok else "too high", step=7)
        write_status(run.path, status, sync=False)
        time.sleep(0.02)
    log.close()
    events.close()
