"""What every `data:` section has."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
PromisedClasses = Annotated[
    int | None,
    Field(ge=2, description="classes to show the model with while the folder is not there yet"),
]


class Split(Section):
    """How examples without a split of their own are divided."""

    train: Fraction = Field(default=0.8, description="share of the examples for training")
    val: Fraction = Field(default=0.2, description="share for validation")
    test: Fraction = Field(default=0.0, description="share for the final test")
    stratify: bool = Field(default=True, description="keep class proportions in every part")
    seed: int = Field(default=0, ge=0, description="seed of the split, apart from trainer.seed")


class KFold(Section):
    """k-fold cross-validation: one run trains one fold; `dltui train` runs them all in turn."""

    folds: int = Field(default=5, ge=2)
    fold: int | Literal["all"] = Field(
        default="all", description="one fold, or all one after another"
    )


class Source(Section):
    """Examples, and how they are batched and divided."""

    TARGETS: ClassVar[tuple[str, ...]] = ()

    batch_size: int = Field(default=64, ge=1, description="examples per micro-batch")
    eval_batch_size: int | None = Field(
        default=None, ge=1, description="null: four times batch_size"
    )
    workers: int = Field(default=0, ge=0, description="loader processes; 0 loads in the trainer")
    on_device: bool | Literal["auto"] = Field(
        default="auto", description="keep the whole set in device memory (auto: where it is small)"
    )
    limit: int | None = Field(
        default=None, ge=1, description="use only so many examples of each part"
    )
    split: Split | Literal["own"] = Field(
        default="own", description="'own': the set's own parts, else 80/20 stratified"
    )
    kfold: KFold | None = None

    @property
    def gives(self) -> tuple[str, ...]:
        """The kinds of `DataInfo.target` that it can have; empty where only reading it tells."""
        return self.TARGETS
