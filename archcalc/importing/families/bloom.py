"""BLOOM. Defaults: BloomConfig of transformers 5.24. Positions lower the scores of attention (ALiBi)."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.heads import head_or

SELF = "transformer.h.*.self_attention"

NAMES = (
    {
        f"{SELF}.q_proj + {SELF}.k_proj + {SELF}.v_proj": f"{SELF}.query_key_value",
        f"{SELF}.o_proj": f"{SELF}.dense",
    },
    {
        f"{SELF}.q_proj + {SELF}.k_proj + {SELF}.v_proj": "h.*.self_attention.query_key_value",
        f"{SELF}.o_proj": "h.*.self_attention.dense",
        "transformer.h": "h",
        "transformer.word_embeddings": "word_embeddings",
        "transformer.word_embeddings_layernorm": "word_embeddings_layernorm",
        "transformer.ln_f": "ln_f",
    },
)
"""With the language model's head, and as the files of the model alone have them."""


def spec(config: Configuration) -> str:
    config.read |= {"n_embed", "num_attention_heads", "n_inner"}
    width = config.given("n_embed") or config.get("hidden_size", 64)
    heads = config.given("num_attention_heads") or config.get("n_head", 8)
    depth = config.given("num_hidden_layers") or config.get("n_layer", 2)
    config.only("apply_residual_connection_post_layernorm", False, "a shortcut after the norm")
    tie = ", tie=transformer.word_embeddings" if config.get("tie_word_embeddings", True) else ""
    head = head_or(config, f"  - lm_head = linear(vocab, bias=false{tie})\n")
    return f"""archcalc: 1
name: BLOOM
params: {{T: 2048, vocab: {config.get("vocab_size", 250880)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_epsilon", 1e-5)}}}
  grouped_attention: {{causal: true, alibi: true, qkv_bias: true, out_bias: true}}
blocks:
  feed_forward: [dense_h_to_4h = linear({4 * width}), gelu(tanh), dense_4h_to_h = linear({width})]
  block:
    - add:
        - input_layernorm = layernorm -> self_attention = grouped_attention({heads})
        - prev
    - add:
        - post_attention_layernorm = layernorm -> mlp = feed_forward
        - prev
  body:
    - word_embeddings = embedding(vocab, {width}) -> word_embeddings_layernorm = layernorm
    - h = block * {depth}
    - ln_f = layernorm
layers:
  - transformer = body
{head}"""
