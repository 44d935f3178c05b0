"""The layers of the layer language by name: their arguments, defaults and meaning.

No torch here: the parser, the JSON Schema and the editor read this table; `dltui.graph`
builds from it.
"""

from __future__ import annotations

from dltui.recipe.layers.activation import ACTIVATION
from dltui.recipe.layers.attention import ATTENTION
from dltui.recipe.layers.audio import AUDIO
from dltui.recipe.layers.convolution import CONVOLUTION
from dltui.recipe.layers.embedding import EMBEDDING
from dltui.recipe.layers.linear import LINEAR
from dltui.recipe.layers.recurrent import RECURRENT
from dltui.recipe.layers.regularise import REGULARISE
from dltui.recipe.layers.spec import Arg, ArgKind, LayerSpec
from dltui.recipe.layers.tensor import TENSOR

__all__ = ["LAYERS", "Arg", "ArgKind", "LayerSpec"]

_ALL = (
    *LINEAR,
    *EMBEDDING,
    *AUDIO,
    *ATTENTION,
    *RECURRENT,
    *CONVOLUTION,
    *ACTIVATION,
    *REGULARISE,
    *TENSOR,
)

LAYERS: dict[str, LayerSpec] = {name: spec for spec in _ALL for name in (spec.name, *spec.aliases)}
"""Every layer by name and by alias."""
