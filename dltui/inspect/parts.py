"""What of a checkpoint is the model, what its moving average, what an optimizer's state.

Told by names and metadata alone, whatever the format: a torch training checkpoint, Lightning's,
dltui's own, Hugging Face's, keras's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from dltui.inspect.contents import Checkpoint, Tensor
from dltui.inspect.nested import at
from dltui.inspect.scalars import scalar
from dltui.records import record

Kind = Literal["model", "ema", "optimizer", "other"]
ORDER: tuple[Kind, ...] = ("model", "ema", "optimizer", "other")

SLOTS = frozenset(
    {
        *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "mu_product", "momentum_buffer"),
        *("square_avg", "grad_avg", "acc_delta", "sum", "prev", "step_size", "eta", "mu", "ax"),
        *("step", "exp_avg_res", "exp_avg_sq_row", "exp_avg_sq_col", "state1", "state2"),
        *("row_var", "col_var", "variance", "exp_avg_diff", "neg_pre_grad", "z", "d"),
    }
)
"""Names that torch's optimizers and the usual others give to what they keep per parameter."""

_OPTIMIZERS = frozenset(
    {
        *("optimizer", "optimizers", "optimizer_states", "optimizer_state", "optim", "opt"),
        *("optimizer_state_dict", "optimizer_dict", "optim_state_dict", "optim_dict", "optimG"),
        *("optimD", "optimizerG", "optimizerD", "optimizer_g", "optimizer_d", "opt_state"),
        *("optim_state", "optG", "optD", "optimizer_weights"),
    }
)
_AVERAGES = frozenset(
    {
        *("ema", "model_ema", "ema_model", "ema_state_dict", "state_dict_ema", "ema_state"),
        *("model_ema_state_dict", "ema_weights", "averaged_model", "swa_model", "swa", "average"),
        *("shadow_params", "ema_params", "g_ema", "ema_shadow", "average_model", "swa_state_dict"),
    }
)
_OTHERS = frozenset(
    {
        *("rng_state", "rng_states", "cuda_rng_state", "torch_rng_state", "rng", "random"),
        *("random_state", "random_rng_state", "lr_scheduler", "lr_schedulers", "scheduler"),
        *("scheduler_state_dict", "lr_scheduler_state_dict", "scaler", "grad_scaler", "amp"),
        *("loops", "callbacks", "hparams", "args", "config", "hyper_parameters", "lr_sched"),
        *("loss", "losses", "train_losses", "val_losses", "results", "task", "last", "splits"),
        *("rate", "best", "early", "criterion", "cuda", "numpy_rng_state", "data_state"),
    }
)
CONTAINERS = frozenset(
    {
        *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "params"),
        *("weights", "model_dict", "state", "app", "module", "_orig_mod", "teacher", "student"),
        *("generator", "discriminator", "encoder", "parameters", "layers", "model_weights"),
    }
)
_SURE_CONTAINERS = frozenset(
    {"state_dict", "model_state_dict", "model_state", "model_dict", "model_weights"}
)
"""Beside these, what stands at the root is not the model."""

_WRAPPERS = ("module", "_orig_mod", "model", "_forward_module")
"""What DataParallel, torch.compile, Lightning modules and engines put in front of every name."""


_latest: list[tuple[Checkpoint, tuple[Part, ...]]] = []
"""Of the file that was asked about last: half a dozen places ask the same, one after the other."""


@record
class Part:
    """Tensors of one use. `prefix` is what all of their names begin with (no dot at its end)."""

    kind: Kind
    prefix: str
    tensors: tuple[Tensor, ...]
    title: str
    """As people call it: `model`, `AdamW, step 1200`."""

    def local_name(self, tensor: Tensor) -> str:
        """The name within the part: what the module itself calls it."""
        return tensor.name.removeprefix(self.prefix + ".") if self.prefix else tensor.name


def parts(checkpoint: Checkpoint) -> tuple[Part, ...]:
    """The parts that are there: models first, then averages, optimizers, and the rest.

    Every tensor is in exactly one. A file with nothing but a state dict is one part, the model.
    """
    for checkpoint_of, known in _latest:
        if checkpoint_of is checkpoint:
            return known
    found = _parts(checkpoint)
    _latest[:] = [(checkpoint, found)]
    return found


def _parts(checkpoint: Checkpoint) -> tuple[Part, ...]:
    groups: dict[tuple[Kind, str], list[Tensor]] = {}
    for tensor in checkpoint.tensors:
        groups.setdefault(_place(tensor.name), []).append(tensor)
    sure = any(kind == "model" and key in _SURE_CONTAINERS for kind, key in groups)
    regrouped: dict[tuple[Kind, str], list[Tensor]] = {}
    for (kind, key), tensors in groups.items():
        if kind == "model":
            kind, key = ("other", "") if sure and key not in _SURE_CONTAINERS else (kind, "")
        elif kind == "other":
            key = ""
        regrouped.setdefault((kind, key), []).extend(tensors)
    if not any(kind in ("model", "ema") for kind, _ in regrouped) and ("other", "") in regrouped:
        only = regrouped.pop(("other", ""))
        regrouped["model" if len(regrouped) == 0 else "other", ""] = only
    found = [
        _part(checkpoint, kind, key, tuple(tensors)) for (kind, key), tensors in regrouped.items()
    ]
    return tuple(sorted(found, key=lambda part: ORDER.index(part.kind)))


def model_part(checkpoint: Checkpoint) -> Part | None:
    """The model's part, or its average where the file has nothing else; None without either."""
    found = parts(checkpoint)
    return found[0] if found and found[0].kind in ("model", "ema") else None


def _place(name: str) -> tuple[Kind, str]:
    """The kind of a tensor, and the prefix that tells one part of that kind from another; for the
    model the first part of the name."""
    path = name.split(".")
    for depth, step in enumerate(path[:4]):
        if step in _OPTIMIZERS:
            return "optimizer", _optimizer_prefix(path, depth)
        if step in _AVERAGES and depth < 3 and len(path) > depth + 1:
            return "ema", ".".join(path[: depth + 1])
        if step in _OTHERS and depth == 0:
            return "other", step
        if step not in CONTAINERS:
            break
    for depth, step in enumerate(path[:-2]):
        if step == "state" and path[-1] in SLOTS:
            return "optimizer", ".".join(path[:depth])
    return "model", path[0] if len(path) > 1 else ""


def _optimizer_prefix(path: list[str], depth: int) -> str:
    """Of `optimizer_states.0.state.3.step` what stands before `state`: one optimizer of several."""
    for end in range(depth + 1, min(depth + 4, len(path))):
        if path[end] in ("state", "param_groups"):
            return ".".join(path[:end])
    return ".".join(path[: depth + 1])


def _part(checkpoint: Checkpoint, kind: Kind, prefix: str, tensors: tuple[Tensor, ...]) -> Part:
    if kind == "optimizer":
        return Part(kind, prefix, tensors, _optimizer_title(checkpoint, prefix, tensors))
    common = "" if kind == "other" else _common_prefix(tensors, prefix)
    title = {"model": "model", "ema": "moving average", "other": "other tensors"}[kind]
    return Part(kind, common, tensors, title)


def _common_prefix(tensors: Iterable[Tensor], prefix: str) -> str:
    """Containers and wrappers that stand in front of all names, beyond `prefix`."""
    paths = [tensor.name.split(".") for tensor in tensors]
    depth = len(prefix.split(".")) if prefix else 0
    first = paths[0]
    while depth + 1 < len(first) and all(
        len(path) > depth + 1 and path[depth] == first[depth] for path in paths
    ):
        step = first[depth]
        inside = {path[depth + 1] for path in paths}
        named = step in _WRAPPERS if depth else step in CONTAINERS | set(_WRAPPERS)
        # A transformer's own `model.` or `encoder.` has one child or blocks; a container has the
        # modules themselves: taken off where what it holds has names of its own.
        if not named or (step in ("encoder", "layers", "generator", "discriminator")):
            break
        if inside <= {"weight", "bias"}:
            break
        depth += 1
    return ".".join(first[:depth])


def _optimizer_title(checkpoint: Checkpoint, prefix: str, tensors: tuple[Tensor, ...]) -> str:
    keras = _keras_optimizer(checkpoint.metadata)
    if keras:
        return keras
    kinds = {tensor.name.rpartition(".")[2] for tensor in tensors}
    state = at(checkpoint.metadata, prefix)
    group = _first_group(state)
    name = _optimizer_name(kinds, group)
    own = prefix.rpartition(".")[2]
    if own and own not in _OPTIMIZERS and not own.isdecimal():
        name = f"{name} ({own})"
    step = _step(state) or _step_kept_as_tensor(checkpoint, tensors)
    step = step or _whole_training_step(checkpoint.metadata)
    return name if step is None else f"{name}, step {step:,}"


def _keras_optimizer(metadata: Mapping[str, Any]) -> str:
    """The optimizer's class, as the model was compiled; empty where that is not said."""
    for place in ("config.compile_config.optimizer", "training_config.optimizer_config"):
        found = at(metadata, place)
        if isinstance(found, Mapping) and isinstance(found.get("class_name"), str):
            return str(found["class_name"])
    return ""


def _optimizer_name(slots: set[str], group: Mapping[str, Any]) -> str:
    """The algorithm, by what it keeps per parameter (torch.optim's names) and its settings."""
    if "exp_avg_sq" in slots:
        if "mu_product" in slots or "momentum_decay" in group:
            return "NAdam"
        # torch 2.7 and later write `decoupled_weight_decay`; before, AdamW's default decay tells
        decoupled = group.get("decoupled_weight_decay", group.get("weight_decay") == 0.01)
        return "AdamW" if decoupled else "Adam"
    for slot, name in (
        ("exp_inf", "Adamax"),
        ("exp_avg_sq_row", "Adafactor"),
        ("row_var", "Adafactor"),
        ("acc_delta", "Adadelta"),
        ("square_avg", "RMSprop"),
        ("prev", "Rprop"),
        ("sum", "Adagrad"),
        ("momentum_buffer", "SGD with momentum"),
        ("exp_avg", "Lion"),
        ("state2", "Adam (8 bit)"),
    ):
        if slot in slots:
            return name
    return "optimizer"


def _first_group(state: Any) -> Mapping[str, Any]:
    groups = state.get("param_groups") if isinstance(state, Mapping) else None
    if isinstance(groups, Mapping):
        groups = list(groups.values())
    if isinstance(groups, list | tuple) and groups and isinstance(groups[0], Mapping):
        return groups[0]
    return {}


def _step(state: Any) -> int | None:
    """The largest step count that the metadata knows (torch before 1.12 kept it as a number)."""
    states = state.get("state") if isinstance(state, Mapping) else None
    if not isinstance(states, Mapping):
        return None
    steps = [
        each["step"]
        for each in states.values()
        if isinstance(each, Mapping) and isinstance(each.get("step"), int)
    ]
    return max(steps, default=None)


def _step_kept_as_tensor(checkpoint: Checkpoint, tensors: tuple[Tensor, ...]) -> int | None:
    """The first parameter's, as all have taken the same number of steps nearly always."""
    first = next((t for t in tensors if t.name.rpartition(".")[2] == "step"), None)
    step = scalar(checkpoint, first) if first is not None else None
    return int(step) if step is not None and 0 < step < 1e15 else None


def _whole_training_step(metadata: Mapping[str, Any]) -> int | None:
    """How often the optimizer has stepped, as the checkpoint itself counts it."""
    steps = [metadata.get(key) for key in ("global_step", "step", "iter_num")]
    return next((step for step in steps if type(step) is int and step > 0), None)
