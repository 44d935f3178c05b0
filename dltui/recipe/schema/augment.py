"""The augmentations by name: their arguments, defaults and meaning.

No torch here: the loader checks recipes against this table; `dltui.worker.data.augment` applies
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dltui.recipe.catalogue import Arg


@dataclass(frozen=True, slots=True)
class AugmentSpec:
    """One augmentation. `main` is the argument that a bare scalar fills: `rotate: 10`."""

    name: str
    doc: str
    main: str | None = None
    args: Mapping[str, Arg] = field(default_factory=dict)
    images_only: bool = True


_CHANCE = Arg("float", 0.5, "probability per example")

AUGMENTATIONS: dict[str, AugmentSpec] = {
    spec.name: spec
    for spec in (
        AugmentSpec("hflip", "mirror left and right", "p", {"p": _CHANCE}),
        AugmentSpec("vflip", "mirror top and bottom", "p", {"p": _CHANCE}),
        AugmentSpec(
            "crop",
            "pad with black and cut the old size out at a random place",
            "padding",
            {"padding": Arg("int", 4, "pixels added on every side")},
        ),
        AugmentSpec(
            "random_resized_crop",
            "cut a random part out and grow it to the old size (Szegedy et al. 2014)",
            None,
            {
                "scale": Arg(
                    "floats",
                    (0.08, 1.0),
                    "smallest and largest share of the area",
                    minimum=0,
                    maximum=1,
                ),
                "ratio": Arg("floats", (0.75, 4 / 3), "smallest and largest width / height"),
            },
        ),
        AugmentSpec(
            "rotate",
            "turn by a random angle",
            "degrees",
            {"degrees": Arg("float", 10.0, "largest angle to either side")},
        ),
        AugmentSpec(
            "affine",
            "turn, shift, scale and shear at random",
            "degrees",
            {
                "degrees": Arg("float", 10.0, "largest angle to either side"),
                "translate": Arg("float", 0.1, "largest shift, share of the side"),
                "scale": Arg("float", 0.1, "largest change of size: 0.1 is 90 % to 110 %"),
                "shear": Arg("float", 0.0, "largest shear in degrees"),
            },
        ),
        AugmentSpec(
            "color_jitter",
            "change brightness, contrast, saturation and hue at random",
            "brightness",
            {
                "brightness": Arg("float", 0.2, "largest relative change"),
                "contrast": Arg("float", 0.2, "largest relative change"),
                "saturation": Arg("float", 0.2, "largest relative change, of 3 channels"),
                "hue": Arg("float", 0.0, "largest turn of the colour circle, 0 to 0.5"),
            },
        ),
        AugmentSpec(
            "rand_augment",
            "Cubuk et al. 2019, https://arxiv.org/abs/1909.13719",
            "ops",
            {
                "ops": Arg("int", 2, "operations per image"),
                "magnitude": Arg("int", 9, "strength, 0 to 30"),
            },
        ),
        AugmentSpec("trivial_augment", "Müller & Hutter 2021, https://arxiv.org/abs/2103.10158"),
        AugmentSpec(
            "cutout",
            "DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552: blank a random square",
            "size",
            {
                "size": Arg("int", 8, "side of the square in pixels"),
                "p": Arg("float", 1.0, "probability per example"),
            },
        ),
        AugmentSpec(
            "mixup",
            "Zhang et al. 2017, https://arxiv.org/abs/1710.09412: blend pairs and their targets",
            "alpha",
            {"alpha": Arg("float", 0.2, "of the Beta distribution")},
            images_only=False,
        ),
        AugmentSpec(
            "cutmix",
            "Yun et al. 2019, https://arxiv.org/abs/1905.04899: paste a box of another image",
            "alpha",
            {"alpha": Arg("float", 1.0, "of the Beta distribution")},
        ),
        AugmentSpec(
            "noise",
            "add Gaussian noise",
            "std",
            {"std": Arg("float", 0.05, "of images in 0 to 1; of tables in standard deviations")},
            images_only=False,
        ),
    )
}
"""Every augmentation by name, in the order of the documentation."""


def split_step(step: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name and the arguments as written: `{"rotate": 10}` is `("rotate", {"degrees": 10})`.

    Checks nothing but the shape; raises `ValueError` where a step is no one-key map.
    """
    if isinstance(step, str):
        return step, {}
    if len(step) != 1:
        raise ValueError("an augmentation is a name or a map with one key")
    ((name, written),) = step.items()
    if isinstance(written, Mapping):
        return name, dict(written)
    if written is None:
        return name, {}
    spec = AUGMENTATIONS.get(name)
    if spec is None or spec.main is None:
        raise ValueError(f"{name} takes a map of arguments")
    return name, {spec.main: written}
