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
    only_classes: list[str | int] | None = Field(
        default=None, min_length=2, description="leave out the other classes: [5, 6, 7, 8, 9]"
    )
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


class ShapesData(_Images):
    """Synthetic pictures, drawn from the seed: coloured shapes on a noisy ground.

    The task decides what they are labelled with: a class for each pixel, boxes, or the class of a
    single shape.
    """

    type: Literal["shapes"]
    size: int | list[int] = Field(default=64, description="height and width in pixels")
    count: int = Field(default=1000, ge=2, description="pictures drawn, before the split")
    shapes: list[Literal["circle", "square", "triangle"]] = Field(
        default=["circle", "square", "triangle"], min_length=1
    )
    objects: list[int] = Field(
        default=[1, 4], description="fewest and most shapes in a picture; a class has one"
    )
    noise: float = Field(default=0.08, ge=0, description="std, of pixels in 0 to 1")
    seed: int = Field(default=0, ge=0, description="seed of the drawings, apart from trainer.seed")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("mask", "boxes", "class")


class _SizedImages(_Images):
    path: str
    size: int | list[int] = Field(
        default=256, description="images are resized to this height and width"
    )
    channels: Literal[1, 3] = 3


class SegmentationFolderData(_SizedImages):
    """images/ and masks/ with files of the same names; or such in train/, val/ and test/.

    The pixels of a mask are class numbers, or the numbers that `values` lists.
    """

    type: Literal["segmentation_folder"]
    classes: list[str] = Field(min_length=2, max_length=255, description="names, from class 0 on")
    values: list[int] | None = Field(
        default=None, description="the pixel value of each class: [0, 255]; null: its number"
    )
    ignore: int | None = Field(default=255, description="pixel value that is not judged")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("mask",)


class VocData(_SizedImages):
    """The folder of a Pascal VOC year: JPEGImages, Annotations, SegmentationClass, ImageSets."""

    type: Literal["voc"]
    classes: list[str] | None = Field(
        default=None, min_length=1, max_length=254, description="null: the twenty of VOC"
    )
    difficult: bool = Field(default=False, description="ask for boxes marked as difficult too")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("boxes", "mask")


class CocoData(_SizedImages):
    """Pictures with annotations in the JSON format of COCO: boxes, polygons and run lengths."""

    type: Literal["coco"]
    parts: dict[Literal["train", "val", "test"], str] = Field(
        default={"train": "train2017", "val": "val2017"},
        description="what stands for {part} in the other keys",
    )
    images: str = Field(default="{part}", description="folder of a part's pictures")
    annotations: str = Field(
        default="annotations/instances_{part}.json", description="a part's file"
    )
    classes: list[str] | None = Field(
        default=None,
        description="categories to show the model with while the files are not there yet; "
        "null: the eighty of COCO",
    )

    @property
    def gives(self) -> tuple[str, ...]:
        return ("boxes", "mask")


class CaptionsData(_Images):
    """Images by class, each with a caption made from its class's name."""

    type: Literal["captions"]
    path: str | None = Field(
        default=None, description="a folder as of `type: folder`; null: the builtin digits"
    )
    size: int | list[int] = Field(
        default=64, description="images of a folder are resized to this height and width"
    )
    channels: Literal[1, 3] = Field(default=3, description="of a folder; digits have one")
    classes: int | None = Field(
        default=None,
        ge=2,
        description="classes to show the model with while the folder is not there yet",
    )
    templates: list[str] = Field(
        min_length=1, description="one is drawn each time; {} is the class's name"
    )
    names: list[str] | None = Field(
        default=None, description="the classes in words, in their order; null: as they are called"
    )
    tokenizer: Literal["char", "byte"] = "char"
    context: int = Field(default=32, ge=1, description="tokens a caption is padded to, with 0")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("class",)


class DialTonesData(_Source):
    """Synthetic telephone numbers, drawn from the seed: the two tones of every key, in noise.

    The task decides what they are labelled with: the keys in their order, or a single key.
    """

    type: Literal["dial_tones"]
    count: int = Field(default=1000, ge=2, description="numbers drawn, before the split")
    keys: list[int] = Field(
        default=[3, 7], description="fewest and most keys in a number; a class has one"
    )
    rate: int = Field(default=4000, ge=3400, description="samples a second")
    noise: float = Field(default=0.1, ge=0, description="std; tones reach 0.2 to 0.6")
    seed: int = Field(default=0, ge=0, description="seed of the numbers, apart from trainer.seed")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("sequence", "class")


class AudioFolderData(_Source):
    """A folder of WAV files (PCM), one subfolder a class."""

    type: Literal["audio_folder"]
    path: str
    rate: int = Field(default=16000, ge=1, description="samples a second; others are left out")
    seconds: float = Field(
        default=1.0, gt=0, description="longer files are cut, shorter ones end in silence"
    )
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


class _Series(_Source):
    """Series in time, cut into windows: `context` steps are seen, `horizon` steps foretold.

    Divided by time: training first, then validation, then test. A window belongs to the part that
    its foretold steps lie in; what it sees may reach back into the part before.
    """

    context: int = Field(default=24, ge=1, description="steps that the model sees")
    horizon: int = Field(default=12, ge=1, description="steps that it foretells, all at once")
    standardize: bool = Field(
        default=True, description="series at mean 0, std 1 of the training part"
    )

    @property
    def gives(self) -> tuple[str, ...]:
        return ("series",)


class SeriesData(_Series):
    """Series in the columns of a CSV or Parquet table, a row a step; or real ones by name."""

    type: Literal["series"]
    path: str | None = None
    name: Literal["sunspots", "co2", "nile", "macrodata"] | None = Field(
        default=None, description="real series that come with statsmodels, in place of a path"
    )
    time: str | None = Field(
        default=None, description="column of numbers or dates; null: steps are counted"
    )
    target: str | list[str] | None = Field(
        default=None, description="column or columns to foretell; null: all of `columns`"
    )
    columns: list[str] | None = Field(
        default=None, description="columns that the model sees; null: all that are numbers"
    )
    missing: Literal["error", "interpolate", "forward", "skip"] = Field(
        default="error",
        description="empty cells: lines between neighbours, the last value, or no such windows",
    )
    gaps: Literal["error", "split", "ignore"] = Field(
        default="error",
        description="unequal steps of `time`: no window across them, or as if equal",
    )
    separator: str | None = Field(default=None, description="null: found in the first line")


class MackeyGlassData(_Series):
    """The chaotic series of Mackey and Glass 1977, computed here."""

    type: Literal["mackey_glass"]
    length: int = Field(default=3000, ge=100, le=1_000_000, description="steps")
    delay: int = Field(default=17, ge=1, le=1000, description="steps; chaotic from 17 on")
    noise: float = Field(default=0.0, ge=0, description="std of noise on what is measured")
    seed: int = Field(default=0, ge=0, description="of the beginning and the noise")


class TextClassesData(_Source):
    """Texts with a class each: a table, a folder of text files by class, or a set by name."""

    type: Literal["text_classes"]
    path: str | None = Field(
        default=None,
        description="CSV or Parquet table; or a folder with a subfolder a class, or with train/, "
        "val/ and test/ of such",
    )
    name: Literal["stdlib-docstrings"] | None = Field(
        default=None,
        description="in place of a path: which package of Python a docstring is from",
    )
    text: str = Field(default="text", description="column of the texts")
    target: str = Field(default="label", description="column of the classes")
    separator: str | None = Field(default=None, description="null: found in the first line")
    glob: str = Field(default="**/*.txt", description="files of a class's folder")
    tokenizer: Literal["char", "byte", "bpe", "word"] = "word"
    vocab: int | None = Field(default=None, ge=8, description="size of a bpe or word vocabulary")
    context: int = Field(default=128, ge=2, description="tokens of a text; longer ones are cut")
    lowercase: bool = False

    @property
    def gives(self) -> tuple[str, ...]:
        return ("class",)


class PairsFileData(_Source):
    """Pairs of texts, one a row of a CSV, TSV, Parquet or JSON Lines file."""

    type: Literal["pairs_file"]
    path: str
    source: str = Field(default="source", description="column of the texts to read")
    target: str = Field(default="target", description="column of the texts to write")
    separator: str | None = Field(default=None, description="null: found in the first line")
    tokenizer: Literal["char", "byte", "bpe", "word"] = "char"
    vocab: int | None = Field(default=None, ge=8, description="size of a bpe or word vocabulary")
    context: int = Field(default=128, ge=2, description="most tokens of a source")
    target_context: int | None = Field(
        default=None, ge=2, description="most tokens of a target and its end; null: as context"
    )
    lowercase: bool = False

    @property
    def gives(self) -> tuple[str, ...]:
        return ("sequence",)


class CopyReverseData(_Source):
    """Sequences of letters to be copied, reversed or sorted: exact answers without end."""

    type: Literal["copy_reverse"]
    tasks: list[Literal["copy", "reverse", "sort"]] = Field(
        default=["reverse"],
        min_length=1,
        description="of several, the source begins with the name of the one that is asked",
    )
    symbols: int = Field(default=26, ge=2, le=26, description="different letters")
    shortest: int = Field(default=4, ge=1, description="letters")
    longest: int = Field(default=12, ge=1, description="letters")
    size: int = Field(default=5000, ge=10, description="examples, all of them different")
    seed: int = Field(default=0, ge=0, description="of the letters, apart from trainer.seed")

    @property
    def gives(self) -> tuple[str, ...]:
        return ("sequence",)


class PluginData(_Source):
    """A data source that a plugin file registers with `@dltui.data_source(name)`."""

    type: Literal["plugin"]
    name: str
    args: dict[str, Any] = {}


DataSection = Annotated[
    BuiltinData
    | TorchvisionData
    | FolderData
    | ShapesData
    | SegmentationFolderData
    | VocData
    | CocoData
    | CaptionsData
    | DialTonesData
    | AudioFolderData
    | CsvData
    | TextData
    | SeriesData
    | MackeyGlassData
    | TextClassesData
    | PairsFileData
    | CopyReverseData
    | PluginData,
    Field(discriminator="type"),
]
