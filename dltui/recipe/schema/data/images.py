"""Images with a class each."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.base import Section
from dltui.recipe.schema.data.base import PromisedClasses, Source

Step = str | dict[str, Any]
"""`hflip` or `{crop: {padding: 4}}`: one augmentation."""


class Normalize(Section):
    mean: list[float]
    std: list[float]


class ImageSource(Source):
    augment: list[Step] = Field(
        default=[], description="augmentation of training batches, in order"
    )
    normalize: Normalize | bool = Field(
        default=True,
        description="true: mean and std of the training part; or {mean: […], std: […]}",
    )


class TorchvisionData(ImageSource):
    """A data set that torchvision downloads and checks."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class",)

    type: Literal["torchvision"]
    name: Literal[
        "mnist", "fashion-mnist", "kmnist", "emnist-digits", "cifar10", "cifar100", "svhn", "stl10"
    ]
    cache: str | None = Field(
        default=None, description="null: DLTUI_DATA or the user's cache folder"
    )
    download: bool = True


class FolderData(ImageSource):
    """A folder of images, one subfolder a class; or train/, val/ and test/ of such."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class",)

    type: Literal["folder"]
    path: str
    size: int | list[int] = Field(
        default=64, description="images are resized to this height and width"
    )
    channels: Literal[1, 3] = 3
    classes: PromisedClasses = None


class ShapesData(ImageSource):
    """Synthetic pictures, drawn from the seed: coloured shapes on a noisy ground.

    The task decides what they are labelled with: a class for each pixel, boxes, or the class of a
    single shape.
    """

    TARGETS: ClassVar[tuple[str, ...]] = ("mask", "boxes", "class")

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


class CaptionsData(ImageSource):
    """Images by class, each with a caption made from its class's name."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class",)

    type: Literal["captions"]
    path: str | None = Field(
        default=None, description="a folder as of `type: folder`; null: the builtin digits"
    )
    size: int | list[int] = Field(
        default=64, description="images of a folder are resized to this height and width"
    )
    channels: Literal[1, 3] = Field(default=3, description="of a folder; digits have one")
    classes: PromisedClasses = None
    templates: list[str] = Field(
        min_length=1, description="one is drawn each time; {} is the class's name"
    )
    names: list[str] | None = Field(
        default=None, description="the classes in words, in their order; null: as they are called"
    )
    tokenizer: Literal["char", "byte"] = "char"
    context: int = Field(default=32, ge=1, description="tokens a caption is padded to, with 0")
