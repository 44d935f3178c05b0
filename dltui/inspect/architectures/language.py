"""Language models: transformers' names, nanoGPT's, and the first LLaMA's."""

from __future__ import annotations

from dltui.inspect.architectures.signature import (
    ANY,
    Blocks,
    Has,
    Measure,
    Signature,
    Size,
    Variants,
)

_OTHERWISE = "{1} layers of width {0}"
_GPT2: Variants = {
    (768, 12): "GPT-2 small",
    (1024, 24): "GPT-2 medium",
    (1280, 36): "GPT-2 large",
    (1600, 48): "GPT-2 XL",
    (768, 6): "DistilGPT-2",
}


def _gpt2(
    attention: tuple[int | None, ...], vocabulary: int, variants: bool, origin: str
) -> Signature:
    """transformers keeps (in, out) matrices, torch's linear layers (out, in)."""
    return Signature(
        {
            "wte.weight": (vocabulary or ANY, ANY),
            "wpe.weight": ANY,
            "h.0.attn.c_attn.weight": attention,
        },
        (Size("wte.weight", 1), Blocks("h.*")),
        _GPT2 if variants else {},
        f"GPT, {_OTHERWISE}",
        origin,
        below=("", "transformer.", "model.transformer."),
    )


def _gpt2_of_width(width: int) -> tuple[Signature, ...]:
    return (
        _gpt2((width, 3 * width), 0, True, "transformers"),
        _gpt2((3 * width, width), 0, True, "nanoGPT"),
    )


_WORDS = "embeddings.word_embeddings.weight"
_BERT_NEEDS = {
    _WORDS: ANY,
    "embeddings.token_type_embeddings.weight": ANY,
    "encoder.layer.0.attention.self.query.weight": ANY,
}
_BERT_SIZES: tuple[Measure, ...] = (Size(_WORDS, 1), Blocks("encoder.layer.*"))


def _encoder(title: str, vocabulary: int | None, below: tuple[str, ...]) -> Signature:
    sizes: Variants = {
        (128, 2): "tiny",
        (256, 4): "mini",
        (512, 4): "small",
        (512, 8): "medium",
        (768, 12): "base",
        (1024, 24): "large",
    }
    mini: Variants = {
        (384, 6): f"MiniLM-L6 ({title})",
        (384, 12): f"MiniLM-L12 ({title})",
        (768, 6): f"Distil{title}",
    }
    return Signature(
        {**_BERT_NEEDS, _WORDS: (vocabulary, ANY)},
        _BERT_SIZES,
        {**{size: f"{title} {name}" for size, name in sizes.items()}, **mini},
        f"{title}, {_OTHERWISE}",
        "transformers",
        below=below,
    )


def _llama(
    title: str,
    variants: dict[tuple[int, ...], str],
    vocabularies: tuple[int | None, ...] = (ANY,),
    needs: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> tuple[Signature, ...]:
    """Decoders with LLaMA's names: variants by width, layers and width of the feed-forward part."""
    return tuple(
        Signature(
            {
                "embed_tokens.weight": (vocabulary, ANY),
                "layers.0.self_attn.q_proj.weight": ANY,
                **{f"layers.0.{name}": ANY for name in needs},
            },
            (
                Size("embed_tokens.weight", 1),
                Blocks("layers.*"),
                Size("layers.0.mlp.gate_proj.weight", 0),
            ),
            {size: f"{title} {name}" for size, name in variants.items()},
            f"{title}, {_OTHERWISE}",
            "transformers",
            below=(
                "",
                "model.",
                "language_model.",
                "model.language_model.",
                "language_model.model.",
            ),
            without=tuple(f"layers.0.{name}" for name in without),
        )
        for vocabulary in vocabularies
    )


_GATE = ("mlp.gate_proj.weight",)
_Q_NORM = "self_attn.q_norm.weight"
_Q_BIAS = "self_attn.q_proj.bias"
_GEMMA_NORM = "pre_feedforward_layernorm.weight"

_LLAMAS = (
    *_llama("Mixtral", {}, needs=("block_sparse_moe.gate.weight",)),
    *_llama("Qwen MoE", {}, needs=("mlp.gate.weight", "mlp.shared_expert_gate.weight")),
    *_llama("mixture of experts", {}, needs=("mlp.gate.weight",)),
    *_llama(
        "Gemma 3",
        {
            (640, 18, 2048): "270M",
            (1152, 26, 6912): "1B",
            (2560, 34, 10240): "4B",
            (3840, 48, 15360): "12B",
            (5376, 62, 21504): "27B",
        },
        needs=(_GEMMA_NORM, _Q_NORM),
    ),
    *_llama(
        "Gemma 2",
        {(2304, 26, 9216): "2B", (3584, 42, 14336): "9B", (4608, 46, 36864): "27B"},
        needs=(_GEMMA_NORM,),
    ),
    *_llama("Gemma", {(2048, 18, 16384): "2B", (3072, 28, 24576): "7B"}, (256000,), _GATE),
    *_llama(
        "Qwen3",
        {
            (1024, 28, 3072): "0.6B",
            (2048, 28, 6144): "1.7B",
            (2560, 36, 9728): "4B",
            (4096, 36, 12288): "8B",
            (5120, 40, 17408): "14B",
            (5120, 64, 25600): "32B",
        },
        needs=(_Q_NORM, *_GATE),
    ),
    *_llama(
        "Qwen2.5",
        {
            (896, 24, 4864): "0.5B",
            (1536, 28, 8960): "1.5B",
            (2048, 36, 11008): "3B",
            (3584, 28, 18944): "7B",
            (5120, 48, 13824): "14B",
            (5120, 64, 27648): "32B",
            (8192, 80, 29568): "72B",
        },
        needs=(_Q_BIAS, *_GATE),
    ),
    *_llama("Phi", {(2048, 24, 0): "1.5", (2560, 32, 0): "2"}, needs=("self_attn.dense.weight",)),
    *_llama(
        "Llama 3",
        {
            (2048, 16, 8192): "1B (3.2)",
            (3072, 28, 8192): "3B (3.2)",
            (4096, 32, 14336): "8B",
            (8192, 80, 28672): "70B",
            (16384, 126, 53248): "405B",
        },
        (128256,),
        _GATE,
    ),
    *_llama(
        "LLaMA",
        {
            (4096, 32, 11008): "7B",
            (5120, 40, 13824): "13B",
            (6656, 60, 17920): "30B",
            (8192, 80, 22016): "65B",
            (8192, 80, 28672): "2 70B",
            (2048, 22, 5632): "1.1B (TinyLlama)",
            (4096, 32, 14336): "7B with grouped queries (Mistral)",
        },
        (32000, 32768),
        _GATE,
    ),
    *_llama("LLaMA architecture", {}, needs=_GATE),
    Signature(
        {
            "embed_tokens.weight": ANY,
            "layers.0.self_attn.qkv_proj.weight": ANY,
            "layers.0.mlp.gate_up_proj.weight": ANY,
        },
        (Size("embed_tokens.weight", 1), Blocks("layers.*")),
        {(3072, 32): "Phi-3 mini", (4096, 32): "Phi-3 small", (5120, 40): "Phi-3 medium"},
        f"Phi-3, {_OTHERWISE}",
        "transformers",
        below=("", "model."),
    ),
    Signature(
        {
            "tok_embeddings.weight": ANY,
            "layers.0.attention.wq.weight": ANY,
            "layers.0.feed_forward.w1.weight": ANY,
        },
        (Size("tok_embeddings.weight", 1), Blocks("layers.*")),
        {
            (4096, 32): "LLaMA 7B",
            (5120, 40): "LLaMA 13B",
            (6656, 60): "LLaMA 30B",
            (8192, 80): "LLaMA 65B",
        },
        f"LLaMA, {_OTHERWISE}",
        "Meta",
    ),
)

_T5: Variants = {
    (512, 6, 0): "T5 small",
    (768, 12, 0): "T5 base",
    (1024, 24, 0): "T5 large",
    (512, 8, 1): "T5 1.1 small",
    (768, 12, 1): "T5 1.1 base",
    (1024, 24, 1): "T5 1.1 large",
    (2048, 24, 1): "T5 1.1 XL",
    (4096, 24, 1): "T5 1.1 XXL",
}
_PYTHIA: Variants = {
    (512, 6): "Pythia 70M",
    (768, 12): "Pythia 160M",
    (1024, 24): "Pythia 410M",
    (2048, 16): "Pythia 1B",
    (2048, 24): "Pythia 1.4B",
    (2560, 32): "Pythia 2.8B",
    (4096, 32): "Pythia 6.9B",
    (5120, 36): "Pythia 12B",
    (6144, 44): "GPT-NeoX 20B",
}
_OPT: Variants = {
    (768, 12): "OPT 125M",
    (1024, 24): "OPT 350M",
    (512, 24): "OPT 350M",
    (2048, 24): "OPT 1.3B",
    (2560, 32): "OPT 2.7B",
    (4096, 32): "OPT 6.7B",
    (5120, 40): "OPT 13B",
}

LANGUAGE: tuple[Signature, ...] = (
    *(each for width in (768, 1024, 1280, 1600) for each in _gpt2_of_width(width)),
    _gpt2((ANY, ANY), 0, False, ""),
    _encoder("XLM-RoBERTa", 250002, ("", "roberta.", "xlm_roberta.")),
    _encoder("RoBERTa", 50265, ("", "roberta.")),
    _encoder("RoBERTa", ANY, ("roberta.",)),
    Signature(
        {**_BERT_NEEDS, "embeddings_project.weight": ANY},
        (),
        {(): "ELECTRA small"},
        origin="transformers",
        below=("", "electra."),
    ),
    _encoder("ELECTRA", ANY, ("electra.",)),
    _encoder("BERT", ANY, ("", "bert.")),
    Signature(
        {_WORDS: ANY, "encoder.albert_layer_groups.0.albert_layers.0.ffn.weight": ANY},
        (Size("encoder.embedding_hidden_mapping_in.weight", 0),),
        {
            (768,): "ALBERT base",
            (1024,): "ALBERT large",
            (2048,): "ALBERT xlarge",
            (4096,): "ALBERT xxlarge",
        },
        "ALBERT",
        "transformers",
        below=("", "albert."),
    ),
    Signature(
        {_WORDS: ANY, "encoder.layer.0.attention.self.query_proj.weight": ANY},
        _BERT_SIZES,
        {
            (768, 12): "DeBERTa base",
            (1024, 24): "DeBERTa large",
            (384, 12): "DeBERTa xsmall",
            (768, 6): "DeBERTa small",
        },
        f"DeBERTa, {_OTHERWISE}",
        "transformers",
        below=("", "deberta."),
    ),
    Signature(
        {_WORDS: ANY, "encoder.layer.0.attention.attn.q.weight": ANY},
        _BERT_SIZES,
        {(768, 12): "MPNet base"},
        f"MPNet, {_OTHERWISE}",
        "transformers",
        below=("", "mpnet."),
    ),
    Signature(
        {_WORDS: ANY, "transformer.layer.0.attention.q_lin.weight": ANY},
        (Size(_WORDS, 1), Blocks("transformer.layer.*")),
        {(768, 6): "DistilBERT base"},
        f"DistilBERT, {_OTHERWISE}",
        "transformers",
        below=("", "distilbert."),
    ),
    Signature(
        {"embeddings.tok_embeddings.weight": ANY, "layers.0.attn.Wqkv.weight": ANY},
        (Size("embeddings.tok_embeddings.weight", 1), Blocks("layers.*")),
        {(768, 22): "ModernBERT base", (1024, 28): "ModernBERT large"},
        f"ModernBERT, {_OTHERWISE}",
        "transformers",
        below=("", "model."),
    ),
    Signature(
        {"shared.weight": ANY, "encoder.block.0.layer.0.SelfAttention.q.weight": ANY},
        (
            Size("shared.weight", 1),
            Blocks("encoder.block.*"),
            Has("encoder.block.0.layer.1.DenseReluDense.wi_0.weight"),
        ),
        _T5,
        f"T5, {_OTHERWISE}",
        "transformers",
        below=("", "transformer."),
    ),
    Signature(
        {"embed_in.weight": ANY, "layers.0.attention.query_key_value.weight": ANY},
        (Size("embed_in.weight", 1), Blocks("layers.*")),
        _PYTHIA,
        f"GPT-NeoX, {_OTHERWISE}",
        "transformers",
        below=("", "gpt_neox."),
    ),
    Signature(
        {
            "shared.weight": ANY,
            "encoder.layers.0.self_attn.k_proj.weight": ANY,
            "decoder.layers.0.encoder_attn.k_proj.weight": ANY,
        },
        (Size("shared.weight", 1), Blocks("decoder.layers.*")),
        {(768, 6): "BART base", (1024, 12): "BART large"},
        f"BART, {_OTHERWISE}",
        "transformers",
        below=("", "model."),
    ),
    Signature(
        {"embed_tokens.weight": ANY, "embed_positions.weight": ANY, "layers.0.fc1.weight": ANY},
        (Size("embed_tokens.weight", 1), Blocks("layers.*")),
        _OPT,
        f"OPT, {_OTHERWISE}",
        "transformers",
        below=("decoder.", "model.decoder.", ""),
        without=("layers.0.encoder_attn.k_proj.weight",),
    ),
    Signature(
        {"word_embeddings.weight": ANY, "word_embeddings_layernorm.weight": ANY},
        (Size("word_embeddings.weight", 1), Blocks("h.*")),
        {(1024, 24): "BLOOM 560M", (4096, 30): "BLOOM 7.1B", (14336, 70): "BLOOM 176B"},
        f"BLOOM, {_OTHERWISE}",
        "transformers",
        below=("", "transformer."),
    ),
    Signature(
        {"word_embeddings.weight": ANY, "h.0.self_attention.query_key_value.weight": ANY},
        (Size("word_embeddings.weight", 1), Blocks("h.*")),
        {(4544, 32): "Falcon 7B", (8192, 60): "Falcon 40B"},
        f"Falcon, {_OTHERWISE}",
        "transformers",
        below=("", "transformer."),
    ),
    Signature(
        {"layers.0.mixer.A_log": ANY, "layers.0.mixer.in_proj.weight": ANY},
        (Size("layers.0.mixer.in_proj.weight", 1), Blocks("layers.*")),
        {
            (768, 24): "Mamba 130M",
            (1024, 48): "Mamba 370M",
            (1536, 48): "Mamba 790M",
            (2048, 48): "Mamba 1.4B",
            (2560, 64): "Mamba 2.8B",
        },
        f"Mamba, {_OTHERWISE}",
        below=("", "backbone.", "model.", "backbone.model."),
    ),
    *_LLAMAS,
)
