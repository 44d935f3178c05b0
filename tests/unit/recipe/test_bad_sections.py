"""Mistakes in the sections: each at its place, in plain words, with the nearest valid name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dltui.errors import Problem

Refuse = Callable[..., list[Problem]]

_LINES = {
    "data": "data: {type: builtin, name: digits}",
    "task": "task: {type: classify}",
    "model": "model: {layers: [{linear: 10}]}",
}


def _recipe(*lines: str) -> str:
    given = {line.partition(":")[0] for line in lines}
    kept = [line for section, line in _LINES.items() if section not in given]
    return "\n".join([*lines, *kept]) + "\n"


@pytest.mark.parametrize(
    ("line", "column", "path", "message"),
    [
        ("modle: 1", 1, "modle", "unknown section `modle`; did you mean `model`?"),
        ("dltui: 2", 8, "dltui", "this dltui reads recipes of version 1, not 2"),
        ("name: [a]", 7, "name", "expected text, not a list"),
        ("name: a/b", 7, "name", "a name is at most 80 letters"),
        ("data: 3", 7, "data", "expected a map, not 3"),
        ("data: {name: digits}", 1, "data.type", "`type` is missing: builtin, torchvision,"),
        ("data: {type: csw, path: a}", 14, "data.type", "unknown type `csw`; did you mean `csv`?"),
        ("data: {type: csv, path: a}", 1, "data.target", "`target` is missing"),
        ("data: {type: builtin, name: digitz}", 29, "data.name", "did you mean `digits`?"),
        (
            "data: {type: builtin, name: digits, batch_sise: 3}",
            37,
            "data.batch_sise",
            "unknown key `batch_sise`; did you mean `batch_size`?",
        ),
        (
            "data: {type: builtin, name: digits, batch_size: 0}",
            49,
            "data.batch_size",
            "expected a number of at least 1, not 0",
        ),
        (
            "data: {type: builtin, name: digits, batch_size: 1.5}",
            49,
            "data.batch_size",
            "expected a whole number, not 1.5",
        ),
        (
            "data: {type: builtin, name: digits, on_device: perhaps}",
            48,
            "data.on_device",
            "expected true or false or auto, not the text 'perhaps'",
        ),
        (
            "data: {type: builtin, name: digits, split: {train: 2}}",
            52,
            "data.split.train",
            "expected a number of at most 1, not 2",
        ),
        (
            "data: {type: builtin, name: digits, split: {train: 0.8, val: 0.3}}",
            37,
            "data.split",
            "train, val and test add up to 1.1",
        ),
        (
            "data: {type: builtin, name: digits, augment: [hflip, {rotat: 3}]}",
            55,
            "data.augment.1.rotat",
            "unknown augmentation `rotat`; did you mean `rotate`?",
        ),
        (
            "data: {type: builtin, name: digits, augment: [{rotate: {degree: 3}}]}",
            57,
            "data.augment.0.rotate.degree",
            "unknown argument `degree`; did you mean `degrees`?",
        ),
        (
            "data: {type: builtin, name: wine, augment: [hflip]}",
            45,
            "data.augment.0",
            "`hflip` changes images, and this data has none",
        ),
        ("task: classify", 7, "task", "expected a map, not the text 'classify'"),
        ("task: {type: clasify}", 14, "task.type", "did you mean `classify`?"),
        ("task: {type: next_token}", 14, "task.type", "the set digits goes with task classify"),
        ("task: {type: regress}", 14, "task.type", "the set digits goes with task classify"),
        (
            "task: {type: classify, loss: {type: crossentropy}}",
            37,
            "task.loss.type",
            "unknown type `crossentropy`; did you mean `cross_entropy`?",
        ),
        (
            "task: {type: classify, loss: {type: focal, gama: 1}}",
            44,
            "task.loss.gama",
            "unknown key `gama`; did you mean `gamma`?",
        ),
        ("optimizer: {type: adamm}", 19, "optimizer.type", "did you mean `adam"),
        ("optimizer: {lr: fast}", 17, "optimizer.lr", "expected a number, not the text 'fast'"),
        ("optimizer: {lr: .inf}", 17, "optimizer.lr", "expected a finite number, not inf"),
        (
            "optimizer: {type: sgd, betas: [0.9, 0.99]}",
            24,
            "optimizer.betas",
            "unknown argument `betas`",
        ),
        (
            "optimizer: {type: sgd, momentum: '0.9'}",
            34,
            "optimizer.momentum",
            "`momentum` takes a number, not the text '0.9'",
        ),
        (
            "optimizer: {groups: [{weight_decay: 0}]}",
            22,
            "optimizer.groups.0",
            "a group needs `match`",
        ),
        (
            "optimizer: {groups: [{match: '*.bias', weight_dekay: 0}]}",
            40,
            "optimizer.groups.0.weight_dekay",
            "did you mean `weight_decay`?",
        ),
        ("optimizers: {model: {}}", 1, "optimizers", "task classify has one optimizer"),
        ("scheduler: {type: cosin}", 19, "scheduler.type", "did you mean `cosine`?"),
        ("scheduler: {type: step}", 1, "scheduler", "step takes one of every_epochs, every_steps"),
        ("scheduler: {type: exponential}", 1, "scheduler.gamma", "`gamma` is missing"),
        (
            "scheduler: {type: cosine, warmup: {steps: 3, epochs: 1}}",
            27,
            "scheduler.warmup",
            "either `steps` or `epochs`",
        ),
        (
            "scheduler: {type: plateau, metric: val/los}",
            36,
            "scheduler.metric",
            "unknown metric `val/los`; did you mean `val/loss`?",
        ),
        (
            "trainer: {early_stopping: {metric: val/f1}}",
            36,
            "trainer.early_stopping.metric",
            "add it to `metrics`",
        ),
        ("trainer: {epochs: 3, steps: 100}", 29, "trainer.steps", "exclude each other; set one"),
        ("trainer: {seed: true}", 17, "trainer.seed", "expected a whole number, not true"),
        ("trainer: {precision: bf61}", 22, "trainer.precision", "did you mean `bf16`?"),
        ("trainer: {device: cdua}", 19, "trainer.device", "did you mean `cuda`?"),
        (
            "data: {type: builtin, name: digits, kfold: {folds: 3, fold: 3}}",
            61,
            "data.kfold.fold",
            "folds count from 0: expected 0 to 2, not 3",
        ),
        (
            "data: {type: builtin, name: digits, normalize: {mean: [0.5], std: [0]}}",
            62,
            "data.normalize.std",
            "a standard deviation is greater than 0",
        ),
        ("trainer: [1]", 10, "trainer", "expected a map, not a list"),
        ("metrics: accuracy", 10, "metrics", "expected a list such as [accuracy"),
        ("metrics: [acuracy]", 11, "metrics.0", "did you mean `accuracy`?"),
        ("metrics: [accuracy, mae]", 21, "metrics.1", "`mae` does not fit task classify"),
        ("metrics: [{top_k: {j: 3}}]", 20, "metrics.0.top_k.j", "unknown argument `j`"),
        ("callbacks: [{type: mine}]", 20, "callbacks.0.type", "unknown callback `mine`"),
        ("plugins: [missing.py]", 11, "plugins.0", "no such file or directory"),
        ("plugins: [code.so]", 11, "plugins.0", "expected the path of a .py file"),
    ],
)
def test_a_mistake_is_told_at_its_place(
    line: str, column: int, path: str, message: str, refuse: Refuse
) -> None:
    problems = refuse(_recipe(line))
    first = problems[0]
    assert (first.line, first.column, first.path) == (1, column, path)
    assert message in first.message
    assert len(problems) == 1


def test_all_mistakes_of_all_sections_come_at_once(refuse: Refuse) -> None:
    problems = refuse(
        _recipe("trainer: {epochs: ten}", "optimizer: {type: sgdd}", "model: {layers: [reluu]}")
    )
    assert [problem.path for problem in problems] == [
        "trainer.epochs",
        "optimizer.type",
        "model.layers.0",
    ]


def test_missing_sections_are_named(refuse: Refuse) -> None:
    assert [p.message for p in refuse("name: a\n")] == [
        f"the section `{section}` is missing" for section in ("data", "model", "task")
    ]


def test_several_models_are_refused_by_tasks_that_take_one(refuse: Refuse) -> None:
    data = "data: {type: builtin, name: digits}\n"
    text = f"models: {{a: {{layers: [relu]}}}}\n{data}task: {{type: classify}}\n"
    problem = refuse(text)[0]
    assert problem.message == "task classify trains `model: …`"


def test_hundreds_of_mistakes_end_the_check_early(refuse: Refuse) -> None:
    layers = ", ".join(f"lay{number}" for number in range(15_000))
    assert len(refuse(_recipe(f"model: {{layers: [{layers}]}}"))) == 300
