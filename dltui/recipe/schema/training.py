"""`optimizer:`, `scheduler:`, `trainer:`, `diagnostics:` and `callbacks:`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dltui.recipe.schema.base import Section


class OptimizerSection(Section):
    """Keys beside `type`, `lr` and `groups` are the optimiser's own arguments."""

    type: str = Field(
        default="adamw", description="sgd, adam, adamw, … any optimiser of torch.optim"
    )
    lr: float = Field(default=1e-3, gt=0, description="learning rate")
    args: dict[str, Any] = Field(
        default={}, description="filled by the loader with every other key, checked by type"
    )
    groups: list[dict[str, Any]] = Field(
        default=[], description="[{match: '*.bias', weight_decay: 0}]: parameter groups by pattern"
    )


class Warmup(Section):
    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    start: float = Field(default=0.0, ge=0, le=1, description="share of lr that it rises from")


class _Schedule(Section):
    warmup: Warmup | None = None


class Constant(_Schedule):
    type: Literal["constant"] = "constant"


class StepSchedule(_Schedule):
    type: Literal["step"]
    every_epochs: float | None = Field(default=None, gt=0)
    every_steps: int | None = Field(default=None, ge=1)
    at_epochs: list[float] | None = None
    gamma: float = Field(default=0.1, gt=0)


class Exponential(_Schedule):
    type: Literal["exponential"]
    gamma: float = Field(gt=0, description="factor per epoch")


class Cosine(_Schedule):
    type: Literal["cosine"]
    min_lr: float = Field(default=0.0, ge=0)


class Linear(_Schedule):
    type: Literal["linear"]
    min_lr: float = Field(default=0.0, ge=0)


class OneCycle(_Schedule):
    """Smith & Topin 2017, https://arxiv.org/abs/1708.07120; `optimizer.lr` is the peak."""

    type: Literal["one_cycle"]
    rise: float = Field(default=0.3, gt=0, lt=1, description="share of the steps spent rising")
    start_factor: float = Field(default=0.04, gt=0, le=1)
    end_factor: float = Field(default=1e-4, gt=0, le=1)


class Cyclical(_Schedule):
    """Smith 2015, https://arxiv.org/abs/1506.01186; `optimizer.lr` is the top."""

    type: Literal["cyclical"]
    min_lr: float = Field(gt=0)
    period_steps: int | None = Field(default=None, ge=2)
    period_epochs: float | None = Field(default=None, gt=0)
    shape: Literal["triangular", "triangular2", "exponential"] = "triangular"
    gamma: float = Field(default=0.999, gt=0, le=1)


class Plateau(_Schedule):
    type: Literal["plateau"]
    metric: str = "val/loss"
    factor: float = Field(default=0.5, gt=0, lt=1)
    patience: int = Field(default=3, ge=0, description="evaluations without improvement")
    min_delta: float = Field(default=1e-4, ge=0)
    min_lr: float = Field(default=0.0, ge=0)


SchedulerSection = Annotated[
    Constant | StepSchedule | Exponential | Cosine | Linear | OneCycle | Cyclical | Plateau,
    Field(discriminator="type"),
]


class Clip(Section):
    norm: float | None = Field(default=None, gt=0, description="clip the total gradient norm")
    value: float | None = Field(default=None, gt=0, description="clip every gradient entry")


class Ema(Section):
    decay: float = Field(default=0.999, gt=0, lt=1)
    start_step: int = Field(default=0, ge=0)


class EarlyStopping(Section):
    metric: str = "val/loss"
    mode: Literal["min", "max", "auto"] = "auto"
    patience: int = Field(default=5, ge=0, description="evaluations without improvement")
    min_delta: float = Field(default=0.0, ge=0)


class Checkpointing(Section):
    every_epochs: float | None = Field(default=1, gt=0)
    every_steps: int | None = Field(default=None, ge=1)
    keep: int = Field(default=2, ge=1, description="numbered checkpoints kept beside best")
    best: str | None = Field(
        default=None, description="metric of `best`; null: the task's main metric"
    )


class TrainerSection(Section):
    epochs: float | None = Field(default=None, gt=0, description="passes over the training part")
    steps: int | None = Field(default=None, ge=1, description="optimiser steps; instead of epochs")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:0, mps")
    devices: int = Field(
        default=1, ge=1, description="processes sharing every batch (DDP), one device each"
    )
    seed: int = Field(default=0, ge=0)
    deterministic: bool = Field(default=False, description="torch.use_deterministic_algorithms")
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        default="auto", description="auto: bf16 on a GPU that has it, else float32"
    )
    compile: bool | Literal["auto"] = Field(
        default="auto", description="torch.compile; auto: long GPU runs"
    )
    channels_last: bool | Literal["auto"] = "auto"
    threads: int | None = Field(default=None, ge=1, description="CPU threads; null: torch's choice")
    accumulate: int = Field(default=1, ge=1, description="micro-batches per optimiser step")
    clip: Clip | None = None
    l1: float = Field(default=0.0, ge=0, description="L1 penalty on weights, added to the loss")
    l2: float = Field(default=0.0, ge=0, description="L2 penalty on weights, added to the loss")
    ema: Ema | None = None
    evaluate_every_epochs: float | None = Field(default=1, gt=0)
    evaluate_every_steps: int | None = Field(default=None, ge=1)
    early_stopping: EarlyStopping | None = None
    checkpoint: Checkpointing = Checkpointing()

    @model_validator(mode="before")
    @classmethod
    def _ten_epochs_where_no_length_is_given(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("epochs") is None and given.get("steps") is None:
            return {**given, "epochs": 10}
        return given


class Rollback(Section):
    """What `on_nan: rollback` does."""

    lr_factor: float = Field(
        default=0.5, gt=0, lt=1, description="the learning rate is multiplied by it each time"
    )
    most: int = Field(default=3, ge=1, description="times, in a row; then the run has failed")


class DiagnosticsSection(Section):
    enabled: bool = True
    budget: float = Field(default=0.01, gt=0, le=1, description="share of the step time")
    norms: bool = True
    histograms: bool = True
    activations: bool = True
    every_steps: int | None = Field(
        default=None, ge=1, description="null: as often as the budget allows"
    )
    on_nan: Literal["stop", "continue", "rollback"] = Field(
        default="stop",
        description="rollback: back to the last sound checkpoint, with a lower learning rate",
    )
    rollback: Rollback = Rollback()


class CallbackSection(Section):
    """A callback that a plugin file registers with `@dltui.callback(name)`."""

    type: str
    args: dict[str, Any] = {}
