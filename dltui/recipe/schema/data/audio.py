"""Sound."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dltui.recipe.schema.data.base import PromisedClasses, Source


class DialTonesData(Source):
    """Synthetic telephone numbers, drawn from the seed: the two tones of every key, in noise.

    The task decides what they are labelled with: the keys in their order, or a single key.
    """

    TARGETS: ClassVar[tuple[str, ...]] = ("sequence", "class")

    type: Literal["dial_tones"]
    count: int = Field(default=1000, ge=2, description="numbers drawn, before the split")
    keys: list[int] = Field(
        default=[3, 7], description="fewest and most keys in a number; a class has one"
    )
    rate: int = Field(default=4000, ge=3400, description="samples a second")
    noise: float = Field(default=0.1, ge=0, description="std; tones reach 0.2 to 0.6")
    seed: int = Field(default=0, ge=0, description="seed of the numbers, apart from trainer.seed")


class AudioFolderData(Source):
    """A folder of WAV files (PCM), one subfolder a class."""

    TARGETS: ClassVar[tuple[str, ...]] = ("class",)

    type: Literal["audio_folder"]
    path: str
    rate: int = Field(default=16000, ge=1, description="samples a second; others are left out")
    seconds: float = Field(
        default=1.0, gt=0, description="longer files are cut, shorter ones end in silence"
    )
    classes: PromisedClasses = None
