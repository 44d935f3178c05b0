"""The optimisers of torch.optim by name, with their arguments and defaults.

A table so that recipes are checked without torch; a test compares it with torch's signatures.
Defaults are those of torch 2.15; null stands for torch's own choice.
"""

from __future__ import annotations

from dataclasses import dataclass

from dltui.recipe.catalogue import Arg


@dataclass(frozen=True, slots=True)
class OptimizerSpec:
    """One optimiser: `torch_class` of torch.optim and its arguments beside params and lr."""

    torch_class: str
    args: dict[str, Arg]


def _number(default: float, doc: str = "", minimum: float | None = 0) -> Arg:
    return Arg("float", default, doc, minimum=minimum)


def _share(default: float, doc: str = "") -> Arg:
    return Arg("float", default, doc, minimum=0, maximum=1)


def _numbers(*default: float) -> Arg:
    return Arg("floats", default)


_FLAG = Arg("bool", False)
_CHOSEN = Arg("bool", None, "null: torch's choice", optional=True)
_DECAY = _number(0.0, "L2 penalty, or decoupled weight decay where the optimiser has that")
_EPS = _number(1e-8, "added to the denominator")
_BETAS = Arg("floats", (0.9, 0.999), "decay of the running means", minimum=0, maximum=1)
_COMMON = {"maximize": _FLAG, "foreach": _CHOSEN, "capturable": _FLAG, "differentiable": _FLAG}
_FUSED = {**_COMMON, "fused": _CHOSEN}
_PLAIN = {"maximize": _FLAG, "foreach": _CHOSEN, "differentiable": _FLAG}

OPTIMIZERS: dict[str, OptimizerSpec] = {
    "sgd": OptimizerSpec(
        "SGD",
        {
            "momentum": _share(0.0),
            "dampening": _number(0.0),
            "weight_decay": _DECAY,
            "nesterov": _FLAG,
            **_PLAIN,
            "fused": _CHOSEN,
        },
    ),
    "adam": OptimizerSpec(
        "Adam",
        {
            "betas": _BETAS,
            "eps": _EPS,
            "weight_decay": _DECAY,
            "amsgrad": _FLAG,
            **_FUSED,
            "decoupled_weight_decay": _FLAG,
        },
    ),
    "adamw": OptimizerSpec(
        "AdamW",
        {
            "betas": _BETAS,
            "eps": _EPS,
            "weight_decay": _number(0.01),
            "amsgrad": _FLAG,
            **_FUSED,
        },
    ),
    "adagrad": OptimizerSpec(
        "Adagrad",
        {
            "lr_decay": _number(0.0),
            "weight_decay": _DECAY,
            "initial_accumulator_value": _number(0.0),
            "eps": _number(1e-10),
            **_PLAIN,
            "fused": _CHOSEN,
        },
    ),
    "rmsprop": OptimizerSpec(
        "RMSprop",
        {
            "alpha": _share(0.99),
            "eps": _EPS,
            "weight_decay": _DECAY,
            "momentum": _number(0.0),
            "centered": _FLAG,
            **_COMMON,
        },
    ),
    "adadelta": OptimizerSpec(
        "Adadelta",
        {"rho": _share(0.9), "eps": _number(1e-6), "weight_decay": _DECAY, **_COMMON},
    ),
    "adamax": OptimizerSpec(
        "Adamax", {"betas": _BETAS, "eps": _EPS, "weight_decay": _DECAY, **_COMMON}
    ),
    "nadam": OptimizerSpec(
        "NAdam",
        {
            "betas": _BETAS,
            "eps": _EPS,
            "weight_decay": _DECAY,
            "momentum_decay": _number(0.004),
            "decoupled_weight_decay": _FLAG,
            **_COMMON,
        },
    ),
    "radam": OptimizerSpec(
        "RAdam",
        {
            "betas": _BETAS,
            "eps": _EPS,
            "weight_decay": _DECAY,
            "decoupled_weight_decay": _FLAG,
            **_COMMON,
        },
    ),
    "asgd": OptimizerSpec(
        "ASGD",
        {
            "lambd": _number(1e-4),
            "alpha": _number(0.75),
            "t0": _number(1e6),
            "weight_decay": _DECAY,
            **_COMMON,
        },
    ),
    "rprop": OptimizerSpec(
        "Rprop", {"etas": _numbers(0.5, 1.2), "step_sizes": _numbers(1e-6, 50.0), **_COMMON}
    ),
    "adafactor": OptimizerSpec(
        "Adafactor",
        {
            "beta2_decay": _number(-0.8, minimum=None),
            "eps": Arg("any", (None, 1e-3), "two numbers; the first may be null"),
            "d": _number(1.0),
            "weight_decay": _DECAY,
            "foreach": _CHOSEN,
            "maximize": _FLAG,
        },
    ),
    "sparse_adam": OptimizerSpec("SparseAdam", {"betas": _BETAS, "eps": _EPS, "maximize": _FLAG}),
    "lbfgs": OptimizerSpec(
        "LBFGS",
        {
            "max_iter": Arg("int", 20, minimum=1),
            "max_eval": Arg("int", None, optional=True, minimum=1),
            "tolerance_grad": _number(1e-7),
            "tolerance_change": _number(1e-9),
            "history_size": Arg("int", 100, minimum=1),
            "line_search_fn": Arg("choice", None, optional=True, choices=("strong_wolfe",)),
            "maximize": _FLAG,
        },
    ),
    "muon": OptimizerSpec(
        "Muon",
        {
            "weight_decay": _number(0.1),
            "momentum": _share(0.95),
            "nesterov": Arg("bool", True),
            "ns_coefficients": _numbers(3.4445, -4.775, 2.0315),
            "eps": _number(1e-7),
            "ns_steps": Arg("int", 5, minimum=1),
            "adjust_lr_fn": Arg(
                "choice", None, optional=True, choices=("original", "match_rms_adamw")
            ),
        },
    ),
}
"""By the name that a recipe uses; `muon` needs torch 2.9 and only takes matrices."""
