"""`data:` where examples come from, how they are split, batched and augmented."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Step = str | dict[str, Any]
"""`hflip` or `{crop: {padding: 4}}`: one augmentation."""


_BUILTIN_TARGETS = {"pydoc": "token", "diabetes": "value"}


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


class Normalize(Section):
    mean: list[float]
    std: list[float]


class _Source(Section):
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
        return ()


class _Images(_Source):
    augment: list[Step] = Field(
        default=[], description="augmentation of training batches, in order"
    )
    normalize: Normalize | bool = Field(
        default=True,
        description="true: mean and std of the training part; or {mean: […], std: […]}",
    )


class BuiltinData(_Images):
    """Real data that needs no download: scikit-learn's sets and Python's own documentation."""

    type: Literal["builtin"]
    name: Literal["digits", "iris", "wine", "breast-cancer", "diabetes", "pydoc"]
    flat: bool = Field(default=False, description="digits as 64 numbers rather than 1×8×8")
    tokenizer: Literal["char", "byte", "bpe"] = Field(default="char", description="of pydoc")
    vocab: int | None = Field(default=None, ge=2, description="size of the bpe vocabulary")
    context: int = Field(default=128, ge=2, description="tokens per example of pydoc")

    @property
    def gives(self) -> tuple[str, ...]:
        return (_BUILTIN_TARGETS.get(self.name, "class"),)


class TorchvisionData(_Images):
    """A data set that torchvision downloads and checks."""

    type: Literal["torchvision"]
    name: Literal[
        "mnist", "fashion-mnist", "kmnist", "emnist-digits", "cifar10", "cifar100", "svhn", "stl10"
    ]
    cache: str | None = Field(
        default=None, description="null: DLTUI_DATA or the user's cache folder"
    )
    download: bool = True

    @property
    def gives(self) -> tuple[str, ...]:
        return ("class",)


class FolderData(_Images):
    """A folder of images, one subfolder a class; or train/, val/ and test/ of such."""

    type: Literal["folder"]
    path: str
    size: int | list[int] = Field(
        default=64, description="images are resized to this height and width"
    )
    channels: Literal[1, 3] = 3
    classes: int | None = Field(
        default=None,
        ge=2,
        description="classes to show the model with while the folder is not there yet",
    )

    @property
    def gives(self) -> tuple[str, ...]:
        return ("class",)


class CsvData(_Source):
    """A CSV or Parquet table."""

    type: Literal["csv"]
    path: str
    target: str | list[str] = Field(description="column or columns to predict")
    features: list[str] | None = Field(default=None, description="null: every other column")
    drop: list[str] = []
    missing: Literal["error", "drop", "mean"] = Field(default="error", description="empty cells")
    separator: str | None = Field(default=None, description="null: found in the first line")
    standardize: bool = Field(
        default=True, description="numbers to mean 0, std 1 of the training part"
    )

    @property
    def gives(self) -> tuple[str, ...]:
        return ("class", "labels", "value")


class TextData(_Source):
    """A text file, or a folder of them, cut into windows of `context` tokens."""

    type: Literal["text"]
    path: str
    glob: str = "**/*.txt"
    tokenizer: Literal["char", "byte", "bpe"] = "char"
    vocab: int | None = Field(default=None, ge=2, description="size of the bpe vocabulary")
    context: int = Field(default=128, ge=2, description="tokens per example")
    lowercase: bool = False

    @property
    def gives(self) -> tuple[str, ...]:
        return ("token",)


class PluginData(_Source):
    """A data source that a plugin file registers with `@dltui.data_source(name)`."""

    type: Literal["plugin"]
    name: str
    args: dict[str, Any] = {}


DataSection = Annotated[
    BuiltinData | TorchvisionData | FolderData | CsvData | TextData | PluginData,
    Field(discriminator="type"),
]
