"""What must hold between sections: small checks, each over a whole recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dltui.recipe.names import either, unknown
from dltui.recipe.nodes import KeyPath
from dltui.recipe.plugins import PluginName
from dltui.recipe.schema.augment import AUGMENTATIONS
from dltui.recipe.tasks import METRICS, TASKS
from dltui.recipe.tree import Entry, Problems, nearest_entry

Metric = tuple[str, dict[str, Any]]
_DEVICES = ("auto", "cpu", "cuda", "cuda:0", "mps")
_DEVICE = re.compile(r"(auto|cpu|mps|cuda(:[0-9]{1,3})?)\Z")
_TABLES = ("iris", "wine", "breast-cancer", "diabetes")


class Rules:
    """The cross-section checks of one recipe; sections that have problems are not there."""

    def __init__(
        self, root: Entry, sections: dict[str, Any], plugins: list[PluginName], problems: Problems
    ) -> None:
        self._root = root
        self._problems = problems
        self._plugins = plugins
        self._data = sections.get("data")
        self._task = sections.get("task")
        self._trainer = sections.get("trainer")
        self._scheduler = sections.get("scheduler")
        self._sweep = sections.get("sweep")
        self._metrics: list[Metric] = sections["metrics"]
        self._callbacks = sections.get("callbacks") or []

    def check(self) -> None:
        self._check_metrics_fit_task()
        self._check_metric_names()
        self._check_task_fits_data()
        self._check_networks()
        self._check_length()
        self._check_split()
        self._check_folds()
        self._check_normalize()
        self._check_device()
        self._check_schedule()
        self._check_augmentation_fits()
        self._check_plugin_names()

    def _add(self, path: KeyPath, message: str) -> None:
        entry, exact = nearest_entry(self._root, path)
        scalar = exact and not isinstance(entry.value, dict | list)
        self._problems.add(entry.place if scalar else entry.key_or_value, path, message)

    def _check_metrics_fit_task(self) -> None:
        if self._task is None or self._root.get("metrics") is None:
            return
        kind = self._task.type
        fitting = [name for name, tasks in METRICS.items() if kind in tasks]
        items = self._root.value["metrics"].value
        for index, item in enumerate(items if isinstance(items, list) else []):
            name = next(iter(item.value), None) if isinstance(item.value, dict) else item.value
            if isinstance(name, str) and name in METRICS and name not in fitting:
                message = f"`{name}` does not fit task {kind}; {either(fitting)} does"
                self._add(("metrics", index), message)

    def _known_metrics(self) -> list[str]:
        counted: dict[str, int] = {}
        names = ["train/loss", "val/loss"]
        for name, _ in self._metrics:
            if name == "confusion_matrix":
                continue
            counted[name] = counted.get(name, 0) + 1
            again = f":{counted[name]}" if counted[name] > 1 else ""
            names.append(f"val/{name}{again}")
        return names

    def _check_metric_names(self) -> None:
        named: list[tuple[KeyPath, str | None]] = []
        if self._scheduler is not None and self._scheduler.type == "plateau":
            named.append((("scheduler", "metric"), self._scheduler.metric))
        if self._trainer is not None:
            if self._trainer.early_stopping is not None:
                path: KeyPath = ("trainer", "early_stopping", "metric")
                named.append((path, self._trainer.early_stopping.metric))
            named.append((("trainer", "checkpoint", "best"), self._trainer.checkpoint.best))
        if self._sweep is not None:
            named.append((("sweep", "metric"), self._sweep.metric))
        known = self._known_metrics()
        for where, name in named:
            if name is not None and name not in known:
                self._add(where, f"{unknown('metric', name, known)}, or add it to `metrics`")

    def _check_task_fits_data(self) -> None:
        if self._data is None or self._task is None:
            return
        gives, kind = self._data.gives, self._task.type
        learns = TASKS[kind].learns
        if gives and learns and not set(gives) & set(learns):
            source = self._data
            name = getattr(source, "name", None)
            what = f"the set {name}" if name else f"{source.type} data"
            fitting = [name for name, facts in TASKS.items() if set(facts.learns) & set(gives)]
            self._add(("task", "type"), f"{what} goes with task {either(fitting)}, not {kind}")

    def _check_networks(self) -> None:
        if self._task is None:
            return
        kind, facts = self._task.type, TASKS[self._task.type]
        several = self._root.get("models")
        named = several is not None and isinstance(several.value, dict)
        found = list(several.value) if several is not None and named else ["model"]
        if kind != "plugin" and set(found) not in [set(names) for names in facts.networks]:
            forms = [_form("model", names) for names in facts.networks]
            self._add(("models" if named else "model",), f"task {kind} trains {either(forms)}")
            return
        self._check_optimizers(kind, facts.optimizers, found)

    def _check_optimizers(
        self, kind: str, wanted: tuple[str, ...], networks: Sequence[str]
    ) -> None:
        several = self._root.get("optimizers")
        if several is None or not isinstance(several.value, dict):
            if wanted:
                at = "optimizer" if self._root.get("optimizer") is not None else "task"
                self._add((at,), f"task {kind} needs {_form('optimizer', wanted)}")
            return
        for name in several.value:
            if name not in networks:
                message = unknown("network", name, networks)
                self._add(("optimizers", name), message)
        if kind != "plugin" and not wanted:
            self._add(("optimizers",), f"task {kind} has one optimizer: write `optimizer:`")
        missing = [name for name in wanted if name not in several.value]
        if missing:
            self._add(("optimizers",), f"nothing trains {either(missing)}: give it an optimizer")

    def _check_length(self) -> None:
        if self._trainer is None:
            return
        trainer = self._root.get("trainer")
        for one, other in (
            ("epochs", "steps"),
            ("evaluate_every_epochs", "evaluate_every_steps"),
        ):
            if trainer is not None and trainer.get(one) is not None:
                given = trainer.get(other)
                first = trainer.get(one)
                if given is not None and given.value is not None and first and first.value:
                    message = f"`{one}` and `{other}` exclude each other; set one of them to null"
                    self._add(("trainer", other), message)

    def _check_split(self) -> None:
        split: Any = getattr(self._data, "split", "own")
        if split == "own":
            return
        total = split.train + split.val + split.test
        if total > 1 + 1e-9:
            message = f"train, val and test add up to {total:g}; at most 1 is there to share"
            self._add(("data", "split"), message)
        elif split.train <= 0:
            self._add(("data", "split", "train"), "nothing is left for training")

    def _check_folds(self) -> None:
        kfold = getattr(self._data, "kfold", None)
        if kfold is not None and kfold.fold != "all" and not 0 <= kfold.fold < kfold.folds:
            message = f"folds count from 0: expected 0 to {kfold.folds - 1}, not {kfold.fold}"
            self._add(("data", "kfold", "fold"), message)

    def _check_normalize(self) -> None:
        normalize = getattr(self._data, "normalize", True)
        if isinstance(normalize, bool):
            return
        if len(normalize.mean) != len(normalize.std) or not normalize.mean:
            self._add(("data", "normalize"), "mean and std take one number a channel each")
        elif min(normalize.std) <= 0:
            self._add(("data", "normalize", "std"), "a standard deviation is greater than 0")

    def _check_device(self) -> None:
        if self._trainer is not None and not _DEVICE.match(self._trainer.device):
            self._add(("trainer", "device"), unknown("device", self._trainer.device, _DEVICES))

    def _check_schedule(self) -> None:
        scheduler = self._scheduler
        if scheduler is None:
            return
        choices = {
            "step": ("every_epochs", "every_steps", "at_epochs"),
            "cyclical": ("period_steps", "period_epochs"),
        }.get(scheduler.type, ())
        given = [key for key in choices if getattr(scheduler, key) is not None]
        if choices and len(given) != 1:
            had = f"not {' and '.join(given)}" if given else "none is given"
            self._add(("scheduler",), f"{scheduler.type} takes one of {either(choices)}; {had}")
        warmup = scheduler.warmup
        if warmup is not None and (warmup.steps is None) == (warmup.epochs is None):
            self._add(("scheduler", "warmup"), "warmup takes either `steps` or `epochs`")

    def _check_augmentation_fits(self) -> None:
        steps = getattr(self._data, "augment", [])
        is_table = getattr(self._data, "name", None) in _TABLES or getattr(
            self._data, "flat", False
        )
        for index, step in enumerate(steps):
            name = step if isinstance(step, str) else next(iter(step), "")
            path: KeyPath = ("data", "augment", index)
            if name not in AUGMENTATIONS:
                continue  # told already
            if name in ("mixup", "cutmix") and self._task is not None:
                loss = getattr(getattr(self._task, "loss", None), "type", "")
                if self._task.type != "classify" or loss != "cross_entropy":
                    self._add(path, f"`{name}` mixes targets: it needs classify, cross_entropy")
            if is_table and AUGMENTATIONS[name].images_only:
                self._add(path, f"`{name}` changes images, and this data has none")

    def _check_plugin_names(self) -> None:
        by_kind = {
            kind: [plugin.name for plugin in self._plugins if plugin.kind == kind]
            for kind in ("data_source", "callback", "task")
        }
        if self._data is not None and self._data.type == "plugin":
            known = by_kind["data_source"]
            if self._data.name not in known:
                self._add(("data", "name"), unknown("data source", self._data.name, known))
        if self._task is not None and self._task.type == "plugin":
            known = by_kind["task"]
            if self._task.name not in known:
                self._add(("task", "name"), unknown("task", self._task.name, known))
        for index, callback in enumerate(self._callbacks):
            if callback.type not in by_kind["callback"]:
                message = unknown("callback", callback.type, by_kind["callback"])
                self._add(("callbacks", index, "type"), message)


def _form(section: str, names: Sequence[str]) -> str:
    """`model: …`, or `models: {encoder: …, decoder: …}`."""
    if tuple(names) == (section,):
        return f"`{section}: …`"
    return f"`{section}s: {{{', '.join(f'{name}: …' for name in names)}}}`"
