"""`task.fid`: a trained network of ours that judges pictures which a task has made."""

from __future__ import annotations

from pydantic import Field

from dltui.recipe.schema.base import Section


class FeatureNetwork(Section):
    """Compares made pictures with real ones as a classifier sees them.

    The Fréchet distance is that of Heusel et al. 2017 (https://arxiv.org/abs/1706.08500), with a
    network of one's own in the place of Inception: values of different networks do not compare.
    """

    features: str = Field(
        description="a classifier trained on such pictures: run/<id>, or a checkpoint's path"
    )
    layer: str | None = Field(
        default=None, description="whose input are the features; null: the last linear layer"
    )
