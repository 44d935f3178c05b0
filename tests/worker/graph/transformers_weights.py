"""Weights of Hugging Face's transformers under the names that our landmark recipes give them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

Weights = dict[str, Tensor]
Names = Mapping[str, str]

GPT2: Names = {
    r"transformer\.wte": "tokens",
    r"transformer\.wpe": "positions",
    r"transformer\.h\.(\d+)\.ln_1": r"block\1.mix.layer_norm",
    r"transformer\.h\.(\d+)\.attn\.c_attn": r"block\1.mix.attention.qkv",
    r"transformer\.h\.(\d+)\.attn\.c_proj": r"block\1.mix.attention.out",
    r"transformer\.h\.(\d+)\.ln_2": r"block\1.think.layer_norm",
    r"transformer\.h\.(\d+)\.mlp\.c_fc": r"block\1.think.mlp.up",
    r"transformer\.h\.(\d+)\.mlp\.c_proj": r"block\1.think.mlp.down",
    r"transformer\.ln_f": "layer_norm",
    r"lm_head": "",
}
LLAMA: Names = {
    r"model\.embed_tokens": "tokens",
    r"model\.layers\.(\d+)\.self_attn\.([qkv])_proj": r"block\1.mix.attention.\2",
    r"model\.layers\.(\d+)\.self_attn\.o_proj": r"block\1.mix.attention.out",
    r"model\.layers\.(\d+)\.mlp\.gate_proj": r"block\1.think.mlp.gate",
    r"model\.layers\.(\d+)\.mlp\.up_proj": r"block\1.think.mlp.value",
    r"model\.layers\.(\d+)\.mlp\.down_proj": r"block\1.think.mlp.down",
    r"model\.layers\.(\d+)\.input_layernorm": r"block\1.mix.rms_norm",
    r"model\.layers\.(\d+)\.post_attention_layernorm": r"block\1.think.rms_norm",
    r"model\.norm": "rms_norm",
    r"lm_head": "linear",
}
BERT: Names = {
    r"bert\.embeddings\.word_embeddings": "words",
    r"bert\.embeddings\.position_embeddings": "positions",
    r"bert\.embeddings\.token_type_embeddings": "segments",
    r"bert\.embeddings\.LayerNorm": "layer_norm",
    r"bert\.encoder\.layer\.(\d+)\.attention\.self\.(q)uery": r"block\1.mix.attention.\2",
    r"bert\.encoder\.layer\.(\d+)\.attention\.self\.(k)ey": r"block\1.mix.attention.\2",
    r"bert\.encoder\.layer\.(\d+)\.attention\.self\.(v)alue": r"block\1.mix.attention.\2",
    r"bert\.encoder\.layer\.(\d+)\.attention\.output\.dense": r"block\1.mix.attention.out",
    r"bert\.encoder\.layer\.(\d+)\.attention\.output\.LayerNorm": r"block\1.layer_norm0",
    r"bert\.encoder\.layer\.(\d+)\.intermediate\.dense": r"block\1.think.mlp.up",
    r"bert\.encoder\.layer\.(\d+)\.output\.dense": r"block\1.think.mlp.down",
    r"bert\.encoder\.layer\.(\d+)\.output\.LayerNorm": r"block\1.layer_norm1",
    r"bert\.pooler\.dense": "pooled.linear",
    r"cls\.predictions\.transform\.dense": "head.linear",
    r"cls\.predictions\.transform\.LayerNorm": "head.layer_norm",
    r"cls\.predictions": "logits",
    r"cls\.predictions\.decoder": "",
    r"cls\.seq_relationship": "",
}
T5: Names = {
    r"shared": "tokens",
    r"(encoder|decoder)\.embed_tokens": "",
    r"(encoder|decoder)\.block\.(\d+)\.layer\.0\.SelfAttention\.([qkv])": (
        r"\1.block\2.mix.attention.\3"
    ),
    r"(encoder|decoder)\.block\.(\d+)\.layer\.0\.SelfAttention\.o": (
        r"\1.block\2.mix.attention.out"
    ),
    r"(encoder|decoder)\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias": r"\1.bias",
    r"(encoder|decoder)\.block\.(\d+)\.layer\.0\.layer_norm": r"\1.block\2.mix.rms_norm",
    r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.q": r"decoder.block\1.read.attention.query",
    r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.k": r"decoder.block\1.read.attention.key",
    r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.v": r"decoder.block\1.read.attention.value",
    r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.o": r"decoder.block\1.read.attention.out",
    r"decoder\.block\.(\d+)\.layer\.1\.layer_norm": r"decoder.block\1.read.asked",
    r"(encoder|decoder)\.block\.(\d+)\.layer\.\d\.DenseReluDense\.wi": r"\1.block\2.think.mlp.up",
    r"(encoder|decoder)\.block\.(\d+)\.layer\.\d\.DenseReluDense\.wo": r"\1.block\2.think.mlp.down",
    r"encoder\.block\.(\d+)\.layer\.1\.layer_norm": r"encoder.block\1.think.rms_norm",
    r"decoder\.block\.(\d+)\.layer\.2\.layer_norm": r"decoder.block\1.think.rms_norm",
    r"(encoder|decoder)\.final_layer_norm": r"\1.rms_norm",
    r"lm_head": "",
}
_TOWERS: Names = {
    r"\.encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj": r".block\1.mix.attention.\2",
    r"\.encoder\.layers\.(\d+)\.self_attn\.out_proj": r".block\1.mix.attention.out",
    r"\.encoder\.layers\.(\d+)\.layer_norm1": r".block\1.mix.layer_norm",
    r"\.encoder\.layers\.(\d+)\.layer_norm2": r".block\1.think.layer_norm",
    r"\.encoder\.layers\.(\d+)\.mlp\.fc1": r".block\1.think.mlp.up",
    r"\.encoder\.layers\.(\d+)\.mlp\.fc2": r".block\1.think.mlp.down",
    r"\.embeddings\.position_embedding": ".positions",
}
CLIP: Names = {
    **{f"vision_model{theirs}": f"vision{ours}" for theirs, ours in _TOWERS.items()},
    **{f"text_model{theirs}": f"language{ours}" for theirs, ours in _TOWERS.items()},
    r"vision_model\.embeddings\.class_embedding": "vision.cls_token.weight",
    r"vision_model\.embeddings\.patch_embedding": "vision.patch_embed.projection",
    r"vision_model\.pre_layrnorm": "vision.first_norm",
    r"vision_model\.post_layernorm": "vision.layer_norm",
    r"visual_projection": "vision.projection",
    r"text_model\.embeddings\.token_embedding": "language.embedding",
    r"text_model\.final_layer_norm": "language.layer_norm",
    r"text_projection": "language.projection",
    r"logit_scale": "logits.logit_scale",
}
_FUSED = {
    "attention.qkv": ("attention.q", "attention.k", "attention.v"),
    "mlp.up": ("mlp.gate", "mlp.value"),
}


def renamed(theirs: Mapping[str, Tensor], names: Names, *, transposed: bool = False) -> Weights:
    """Every tensor of `theirs` under our name; those whose module is named "" are left out.

    `transposed`: GPT-2 keeps the weights of its linear layers as (in, out). Raises KeyError for a
    tensor that `names` does not know.
    """
    found: Weights = {}
    for key, tensor in theirs.items():
        owner, _, kind = key.rpartition(".")
        if any(re.fullmatch(pattern, key) for pattern in names):
            owner, kind = key, ""
        pattern = next((p for p in names if re.fullmatch(p, owner)), None)
        if pattern is None:
            raise KeyError(key)
        if ours := re.sub(pattern, names[pattern], owner):
            is_linear = kind == "weight" and re.search(r"\.(qkv|out|up|down)$", ours)
            value = tensor.T if transposed and is_linear else tensor
            found[f"{ours}.{kind}" if kind else ours] = value
    return _fused(found)


def _fused(weights: Weights) -> Weights:
    """Queries, keys and values as one, and both halves of a gated layer."""
    found = dict(weights)
    for whole, parts in _FUSED.items():
        for key in weights:
            if f".{parts[0]}." in key:
                names = [key.replace(parts[0], part) for part in parts]
                found[key.replace(parts[0], whole)] = torch.cat([found.pop(n) for n in names])
    return found
