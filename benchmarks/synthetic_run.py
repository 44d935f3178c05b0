"""Writes a plausible run with the store's own writers, without training anything.

    python benchmarks/synthetic_run.py RUNS --task classify --steps 2000 --rate 100 --scalars 20

`--rate 0` writes all steps at once; `--end finished|failed|died|running` says how it ends.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import synthetic_outcomes as outcomes
from PIL import Image

from dltui.runs import (
    ArrayLog,
    EventLog,
    Inbox,
    MetricLog,
    RunFolder,
    Status,
    WorkerLock,
    create_run,
    process_identity,
    publish_samples,
    write_status,
)
from dltui.runs.buckets import bucket_counts

RECIPE = """\
# A synthetic run
dltui: 1
name: synthetic
data: {type: builtin, name: digits, batch_size: 64}
optimizer: {type: adamw, lr: 0.003}
trainer: {epochs: 20}
"""
CLASSES = tuple("0123456789")


class SyntheticRun:
    """A run whose curves fall as curves do; `steps` writes on, `end` closes it."""

    def __init__(
        self,
        runs: Path,
        *,
        task: str = "classify",
        steps_total: int = 2000,
        scalars: int = 20,
        layers: int = 6,
        classes: tuple[str, ...] = CLASSES,
        name: str = "synthetic",
        seed: int = 0,
    ) -> None:
        self.status = Status(
            state="running",
            name=name,
            recipe="synthetic",
            task=task,
            device="cpu",
            steps_total=steps_total,
            epochs_total=20,
            steps_per_epoch=max(1, steps_total // 20),
            samples_per_step=64,
            samples_per_s=6400.0,
            started=time.time(),
            process=process_identity(),
            heartbeat=time.time(),
            metric="val/accuracy" if task == "classify" else "val/loss",
        )
        self.folder: RunFolder = create_run(runs, name, RECIPE, RECIPE, self.status)
        self.lock = WorkerLock(self.folder.lock_path)
        self.lock.acquire()
        self.classes, self.layer_count = classes, layers
        extra = [f"extra_{i}" for i in range(max(0, scalars - 4))]
        self.train = MetricLog(
            self.folder.metric_log("train"), ["loss", "lr", "grad_norm", "accuracy", *extra]
        )
        self.extra = len(extra)
        self.val = MetricLog(self.folder.metric_log("val"), ["loss", *_METRICS[task]])
        self.system = MetricLog(self.folder.metric_log("system"), list(_SYSTEM))
        self.layers = ArrayLog(self.folder.array_log("layers"))
        self.activations = ArrayLog(self.folder.array_log("activations"))
        self.histograms = ArrayLog(self.folder.array_log("histograms"))
        if task in ("classify", "regress"):
            name = "predictions" if task == "regress" else "confusion"
            self.outcomes = ArrayLog(self.folder.array_log(name))
        if task == "next_token":
            outcomes.allow_settings(self.folder, ("temperature",))
        self.events = EventLog(self.folder.events)
        self.inbox = Inbox(self.folder.inbox, self.events)
        self.random = np.random.default_rng(seed)
        self.step = 0
        self.now = time.time() - steps_total / 100
        plan = ArrayLog(self.folder.array_log("schedule"))
        at = np.linspace(0, steps_total, 200)
        plan.append(0, self.now, {}, {"step": at, "lr": self._rate(at)})
        self.events.append("state", "running on cpu", step=0, data={"state": "running"})

    def write(self, steps: int, *, live: bool = False) -> None:
        """Writes `steps` further steps and what falls due with them."""
        for _ in range(steps):
            self.step += 1
            self.now = time.time() if live else self.now + 0.01
            loss = 2.3 * math.exp(-self.step / 400) + 0.05 + 0.03 * abs(self.random.normal())
            extra = self.random.normal(size=self.extra).tolist()
            rate = float(self._rate(np.array(float(self.step))))
            norm = 0.2 + 0.05 * self.random.normal()
            self.train.append(self.step, self.now, [loss, rate, norm, 1 - loss / 2.4, *extra])
            if self.step % 50 == 0:
                self._measure()
            if self.step % self.status.steps_per_epoch == 0:
                self._evaluate()

    def tick(self) -> None:
        """What a worker does about once a second: system figures and heartbeat."""
        noise = self.random.normal
        self.system.append(
            self.step,
            self.now,
            [80 + 5 * noise(), 2.1e9, 0.03, 0.004, 6400 + 200 * noise(), 9.8 + noise() / 5],
        )
        self.status = replace(self.status, step=self.step, heartbeat=time.time())
        self.status = replace(self.status, elapsed_s=self.step / 100)
        write_status(self.folder.path, self.status, sync=False)

    def obey(self) -> None:
        """Takes commands as a worker does."""
        for command in self.inbox.take():
            state = {"pause": "paused", "resume": "running", "stop": "stopped"}.get(command.kind)
            if state is not None:
                self.status = replace(self.status, state=state)
                write_status(self.folder.path, self.status, sync=False)
            self.inbox.acknowledge(command, ok=True, detail=f"done at {self.step}", step=self.step)

    def end(self, state: str, message: str = "") -> None:
        """Ends the run; `died` leaves the status as it is and lets the lock go."""
        self.tick()
        if state == "died":
            self.status = replace(self.status, process=None)
        else:
            self.status = replace(self.status, state=state, message=message)
        write_status(self.folder.path, self.status, sync=False)
        self.lock.release()

    def _rate(self, step: np.ndarray) -> np.ndarray:
        share = step / (self.status.steps_total or 1)
        return 3e-3 * 0.5 * (1 + np.cos(np.pi * np.minimum(share, 1)))

    def _measure(self) -> None:
        names = [f"stage{i // 2}.conv{i % 2}" for i in range(self.layer_count - 1)] + ["head"]
        count = len(names)
        norms = np.exp(self.random.normal(-2, 0.3, count)).astype(np.float32)
        arrays = {
            "grad_norm": norms,
            "weight_norm": np.full(count, 4.2, np.float32),
            "update_ratio": (norms * 1e-2).astype(np.float32),
            "nonfinite": np.zeros(count, np.int64),
        }
        self.layers.append(self.step, self.now, {"layers": names}, arrays)
        dead = {
            "mean": np.zeros(count, np.float32),
            "std": np.ones(count, np.float32),
            "dead_share": np.full(count, 0.02, np.float32),
            "nonfinite": np.zeros(count, np.int64),
        }
        acts = [f"{name}.relu" for name in names]
        self.activations.append(self.step, self.now, {"layers": acts, "after": names}, dead)
        if self.step % 100:
            return
        weights = [f"{name}.weight" for name in names]
        spread = 0.05 + self.step / 40000
        tables = {
            kind: np.stack([bucket_counts(self.random.normal(0, spread, 2000)) for _ in names])
            for kind in ("weights", "gradients", "activations")
        }
        meta = {"weights": weights, "gradients": weights, "activations": acts}
        self.histograms.append(self.step, self.now, meta, tables)

    def _evaluate(self) -> None:
        task, skill = self.status.task, 1 - math.exp(-self.step / 300)
        loss = 2.3 * math.exp(-self.step / 380) + 0.07
        self.val.append(self.step, self.now, [loss, *([0.1 + 0.88 * skill] * len(_METRICS[task]))])
        message = f"evaluated: val/loss {loss:.3f}"
        self.events.append("evaluation", message, step=self.step, time_s=self.now)
        if task == "classify":
            self._confusion(skill)
        elif task == "regress":
            truth = self.random.normal(150, 60, (200, 1)).astype(np.float32)
            noise = self.random.normal(0, 80 * (1.1 - skill), (200, 1)).astype(np.float32)
            arrays = {"truth": truth, "prediction": truth + noise}
            self.outcomes.append(self.step, self.now, {}, arrays)
        elif task != "next_token":
            outcomes.leave(task, self.folder, self.step, skill, self.random)
        else:
            text = f"\ndef step_{self.step}(self):\n    return the same of the string"
            plain = {"step": self.step, "prompt": "\n", "temperature": 0.8, "samples": [text]}
            publish_samples(
                self.folder.samples,
                self.step,
                lambda folder: _write_json(folder / "text.json", plain),
            )
        self.events.append(
            "checkpoint", f"checkpoint of step {self.step:,}", step=self.step, time_s=self.now
        )

    def _confusion(self, skill: float) -> None:
        count = len(self.classes)
        matrix = self.random.poisson(3 * (1 - skill), (count, count))
        matrix[np.arange(count), np.arange(count)] += int(40 * skill)
        meta = {"classes": list(self.classes), "part": "val"}
        self.outcomes.append(self.step, self.now, meta, {"matrix": matrix.astype(np.int64)})

        def write(folder: Path) -> None:
            rows = []
            for index in range(8):
                pixels = self.random.integers(0, 255, (8, 8), dtype=np.uint8)
                buffer = BytesIO()
                Image.fromarray(pixels).save(buffer, "PNG")
                (folder / f"{index:05}.png").write_bytes(buffer.getvalue())
                rows.append(
                    {
                        "index": index,
                        "truth": 0,
                        "prediction": 1 if index < 4 else 0,
                        "confidence": 0.7,
                        "image": f"{index:05}.png",
                        "text": None,
                        "values": None,
                    }
                )
            plain = {"step": self.step, "part": "val", "classes": list(self.classes)}
            _write_json(folder / "examples.json", plain | {"examples": rows})

        publish_samples(self.folder.samples, self.step, write)


_METRICS = {
    "classify": ["accuracy", "f1"],
    "regress": ["mae", "r2"],
    "next_token": ["perplexity"],
    "autoencode": ["mse"],
    "vae": ["elbo"],
    "detect": ["map50"],
    "forecast": ["mase"],
    "seq2seq": ["exact_match"],
}
_SYSTEM = (
    "cpu_percent",
    "ram_bytes",
    "loader_share",
    "diagnostics_share",
    "samples_per_s",
    "step_ms",
)


def _write_json(path: Path, plain: object) -> None:
    path.write_text(json.dumps(plain), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--task", default="classify", choices=sorted(_METRICS))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=0.0, help="steps a second; 0: all at once")
    parser.add_argument("--scalars", type=int, default=20)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--name", default="synthetic")
    parser.add_argument("--end", default="finished")
    args = parser.parse_args()
    run = SyntheticRun(
        args.runs,
        task=args.task,
        steps_total=args.steps,
        scalars=args.scalars,
        layers=args.layers,
        name=args.name,
    )
    print(run.folder.path, flush=True)
    if args.rate <= 0:
        for _ in range(20):
            run.write(args.steps // 20)
            run.tick()
    start, ticked = time.monotonic(), 0.0
    while args.rate > 0 and run.step < args.steps and run.status.state != "stopped":
        run.obey()
        due = int((time.monotonic() - start) * args.rate) - run.step
        if run.status.state == "running" and due > 0:
            run.write(min(due, args.steps - run.step), live=True)
        if time.monotonic() - ticked >= 1:
            ticked = time.monotonic()
            run.tick()
        time.sleep(0.02)
    if run.status.state != "stopped":
        run.end(args.end, "the loss is not finite" if args.end == "failed" else "")


if __name__ == "__main__":
    main()
