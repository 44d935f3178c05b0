"""Images in which regions are marked: masks and boxes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.data.images import ImageSource


class SizedImageSource(ImageSource):
    path: str
    size: int | list[int] = Field(
        default=256, description="images are resized to this height and width"
    )
    channels: Literal[1, 3] = 3


class SegmentationFolderData(SizedImageSource):
    """images/ and masks/ with files of the same names; or such in train/, val/ and test/.

    The pixels of a mask are class numbers, or the numbers that `values` lists.
    """

    TARGETS: ClassVar[tuple[str, ...]] = ("mask",)

    type: Literal["segmentation_folder"]
    classes: list[str] = Field(min_length=2, max_length=255, description="names, from class 0 on")
    values: list[int] | None = Field(
        default=None, description="the pixel value of each class: [0, 255]; null: its number"
    )
    ignore: int | None = Field(default=255, description="pixel value that is not judged")


class VocData(SizedImageSource):
    """The folder of a Pascal VOC year: JPEGImages, Annotations, SegmentationClass, ImageSets."""

    TARGETS: ClassVar[tuple[str, ...]] = ("boxes", "mask")

    type: Literal["voc"]
    classes: list[str] | None = Field(
        default=None, min_length=1, max_length=254, description="null: the twenty of VOC"
    )
    difficult: bool = Field(default=False, description="ask for boxes marked as difficult too")


class CocoData(SizedImageSource):
    """Pictures with annotations in the JSON format of COCO: boxes, polygons and run lengths."""

    TARGETS: ClassVar[tuple[str, ...]] = ("boxes", "mask")

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
