"""Falcon. Defaults: FalconConfig of transformers 5.24. Attention and MLP stand beside each other."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import LONGEST, flag
from archcalc.importing.heads import head_or


def named(inner: str) -> dict[str, str]:
    """Names in checkpoints; `inner`: what stands between a layer and its parts here."""
    ours, theirs = f"transformer.h.*{inner}.self_attention", "transformer.h.*.self_attention"
    return {
        f"{ours}.q_proj + {ours}.k_proj + {ours}.v_proj": f"{theirs}.query_key_value",
        f"{ours}.o_proj": f"{theirs}.dense",
        f"transformer.h.*{inner}": "transformer.h.*",
    }


NAMES = (named(".together1"), named(""))


def spec(config: Configuration) -> str:
    width, heads = config.get("hidden_size", 4544), config.get("num_attention_heads", 71)
    newer = config.get("new_decoder_architecture", False)
    several = config.given("num_kv_heads") or heads
    kv_heads = 1 if config.get("multi_query", True) else heads
    kv_heads = several if newer else kv_heads
    config.only("parallel_attn", True, "attention before the MLP")
    config.only("alibi", False, "positions by ALiBi")
    biased, norms = flag(config.get("bias", False)), config.given("num_ln_in_parallel_attn") or (2 if newer else 1)
    tie = ", tie=transformer.word_embeddings" if config.get("tie_word_embeddings", True) else ""
    head = head_or(config, f"  - lm_head = linear(vocab, bias=false{tie})\n")
    attention = (
        f"self_attention = grouped_attention({heads}, {kv_heads}, qkv_bias={biased}, out_bias={biased}, causal=true, "
        f"rope={config.rope(1e4)})"
    )
    hidden, act = config.given("ffn_hidden_size") or 4 * width, config.act("activation", "gelu")
    return f"""archcalc: 1
name: Falcon
params: {{T: {min(LONGEST, config.get("max_position_embeddings", 2048))}, vocab: {config.get("vocab_size", 65024)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  linear: {{bias: {biased}}}
  layernorm: {{eps: {config.get("layer_norm_epsilon", 1e-5)}}}
blocks:
  feed_forward: [dense_h_to_4h = linear({hidden}), {act}, dense_4h_to_h = linear({width})]
  block:{block(attention, norms)}
  body:
    - word_embeddings = embedding(vocab, {width})
    - h = block * {config.get("num_hidden_layers", 32)}
    - ln_f = layernorm
layers:
  - transformer = body
{head}"""


def block(attention: str, norms: int) -> str:
    """Attention and the MLP side by side, with a norm for each or one for both."""
    if norms == 2:
        return f"""
    - add:
        - "ln_attn = layernorm -> {attention}"
        - ln_mlp = layernorm -> mlp = feed_forward
        - prev"""
    return f"""
    - add:
        - together
        - prev
  together:
    - input_layernorm = layernorm
    - add:
        - "{attention}"
        - mlp = feed_forward"""
