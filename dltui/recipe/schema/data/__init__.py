"""`data:` where examples come from, how they are split, batched and augmented.

A new source is a section here, in the union, and the module `dltui.worker.data.sources.<type>`,
which has `outline` and `read`; nothing else needs to know of it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dltui.recipe.schema.data.audio import AudioFolderData, DialTonesData
from dltui.recipe.schema.data.base import Fraction, KFold, Source, Split
from dltui.recipe.schema.data.builtin import BuiltinData
from dltui.recipe.schema.data.images import (
    CaptionsData,
    FolderData,
    Normalize,
    ShapesData,
    TorchvisionData,
)
from dltui.recipe.schema.data.plugin import PluginData
from dltui.recipe.schema.data.regions import CocoData, SegmentationFolderData, VocData
from dltui.recipe.schema.data.series import MackeyGlassData, SeriesData
from dltui.recipe.schema.data.tables import CsvData
from dltui.recipe.schema.data.texts import (
    CopyReverseData,
    PairsFileData,
    TextClassesData,
    TextData,
)

__all__ = [
    "AudioFolderData",
    "BuiltinData",
    "CaptionsData",
    "CocoData",
    "CopyReverseData",
    "CsvData",
    "DataSection",
    "DialTonesData",
    "FolderData",
    "Fraction",
    "KFold",
    "MackeyGlassData",
    "Normalize",
    "PairsFileData",
    "PluginData",
    "SegmentationFolderData",
    "SeriesData",
    "ShapesData",
    "Source",
    "Split",
    "TextClassesData",
    "TextData",
    "TorchvisionData",
    "VocData",
]

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
