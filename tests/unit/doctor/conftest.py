"""Real small trainings, recorded in real run folders as the worker records them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits, load_wine
from torch import Tensor, nn

from dltui.doctor import Finding, diagnose
from dltui.recipe.schema.training import DiagnosticsSection
from dltui.runs import ArrayLog, MetricLog, RunFolder, RunReader, Status, create_run, write_status
from dltui.worker.probes import Probes


@dataclass
class Data:
    x: Tensor
    y: Tensor
    val_x: Tensor
    val_y: Tensor

    @property
    def classes(self) -> int:
        return int(self.val_y.max()) + 1


def _split(x: np.ndarray, y: np.ndarray, seed: int = 0) -> Data:
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = torch.from_numpy(x[order]).float(), torch.from_numpy(y[order])
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    cut = int(0.8 * len(x))
    return Data(x[:cut], y[:cut], x[cut:], y[cut:])


@pytest.fixture(scope="session")
def digits() -> Data:
    return _split(*load_digits(return_X_y=True))


@pytest.fixture(scope="session")
def wine() -> Data:
    return _split(*load_wine(return_X_y=True))


@pytest.fixture(scope="session")
def diabetes() -> Data:
    data = _split(*load_diabetes(return_X_y=True))
    mean, std = data.y.mean(), data.y.std()
    data.y, data.val_y = ((y - mean).float() / std for y in (data.y, data.val_y))
    return data


Train = Callable[..., list[Finding]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Trains and records; returns what the doctor finds. The reader is kept in `train.reader`."""

    def run(
        model: nn.Module,
        data: Data,
        optimizer: torch.optim.Optimizer,
        *,
        epochs: int = 10,
        batch_size: int = 64,
        task: str = "classify",
        schedule: Callable[[float], float] = lambda progress: 1.0,
        every: int | None = 5,
    ) -> list[Finding]:
        folder = record(
            tmp_path / "runs", model, data, optimizer, epochs, batch_size, task, schedule, every
        )
        reader = RunReader(folder)
        reader.poll()
        run.reader = reader  # type: ignore[attr-defined]
        return diagnose(reader)

    return run


def record(
    runs: Path,
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int,
    task: str,
    schedule: Callable[[float], float],
    every: int | None,
) -> RunFolder:
    runs.mkdir(parents=True, exist_ok=True)
    per_epoch = -(-len(data.x) // batch_size)
    status = Status(
        "running", "test", task=task, steps_total=epochs * per_epoch, steps_per_epoch=per_epoch
    )
    folder = create_run(runs, "test", "dltui: 1\n", "dltui: 1\n", status)
    logs: dict[str, ArrayLog] = {}

    def keep(group: str, step: int, arrays: dict, meta: dict) -> None:
        if group not in logs:
            logs[group] = ArrayLog(folder.array_log(group))
        logs[group].append(step, time.time(), meta, arrays)

    loss_of = nn.functional.cross_entropy if task == "classify" else _squared_error
    train_log = MetricLog(folder.metric_log("train"), ["loss", "lr", "accuracy"])
    columns = ["loss", "accuracy"] if task == "classify" else ["loss"]
    val_log = MetricLog(folder.metric_log("val"), columns)
    probes = Probes(model, DiagnosticsSection(every_steps=every), keep, "cpu")
    base = optimizer.param_groups[0]["lr"]
    generator = torch.Generator().manual_seed(0)
    step = 0
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(data.x), generator=generator).split(batch_size):
            step += 1
            lr = base * schedule(step / (epochs * per_epoch))
            optimizer.param_groups[0]["lr"] = lr
            probes.begin(step)
            output = model(data.x[rows])
            loss = loss_of(output, data.y[rows])
            optimizer.zero_grad()
            loss.backward()
            probes.gradients_ready(step)
            optimizer.step()
            probes.updated(step)
            accuracy = None
            if task == "classify":
                accuracy = float((output.argmax(1) == data.y[rows]).float().mean())
            train_log.append(step, time.time(), [loss.item(), lr, accuracy])
        _evaluate(model.eval(), data, loss_of, val_log, keep, step, task)
    probes.close()
    for log in [train_log, val_log, *logs.values()]:
        log.close()
    done = Status(
        "finished", "test", task=task, step=step, steps_total=step, steps_per_epoch=per_epoch
    )
    write_status(folder.path, done)
    return folder


@torch.no_grad()
def _evaluate(
    model: nn.Module,
    data: Data,
    loss_of: Callable,
    log: MetricLog,
    keep: Callable,
    step: int,
    task: str,
) -> None:
    output = model(data.val_x)
    values: Sequence[float] = [float(loss_of(output, data.val_y))]
    if task == "classify":
        guess = output.nan_to_num().argmax(1)
        values = [*values, float((guess == data.val_y).float().mean())]
        n = data.classes
        matrix = np.bincount((data.val_y * n + guess).numpy(), minlength=n * n).reshape(n, n)
        names = [str(i) for i in range(n)]
        keep("confusion", step, {"matrix": matrix}, {"classes": names, "part": "val"})
    log.append(step, time.time(), values)


def _squared_error(output: Tensor, target: Tensor) -> Tensor:
    return nn.functional.mse_loss(output.squeeze(1), target)
