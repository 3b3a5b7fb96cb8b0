"""GPT-NeoX and Pythia. Defaults: GPTNeoXConfig of transformers 5.24. Attention and MLP stand beside each other."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import LONGEST, flag
from archcalc.importing.heads import head_or

LAYER = "gpt_neox.layers.*"

NAMES = (
    {
        f"{LAYER}.attention.q_proj + {LAYER}.attention.k_proj + {LAYER}.attention.v_proj": (
            f"{LAYER}.attention.query_key_value"
        ),
        f"{LAYER}.attention.o_proj": f"{LAYER}.attention.dense",
    },
)


def spec(config: Configuration) -> str:
    width, heads = config.get("hidden_size", 6144), config.get("num_attention_heads", 64)
    hidden, act = config.get("intermediate_size", 24576), config.act("hidden_act", "gelu")
    tie = ", tie=gpt_neox.embed_in" if config.get("tie_word_embeddings", False) else ""
    biased = flag(config.get("attention_bias", True))
    attention = (
        f"attention = grouped_attention({heads}, qkv_bias={biased}, out_bias={biased}, causal=true, "
        f"rope={base(config)}, rotary_dim={turned(config, width // heads)})"
    )
    return f"""archcalc: 1
name: GPT-NeoX
params: {{T: {min(LONGEST, config.get("max_position_embeddings", 2048))}, vocab: {config.get("vocab_size", 50432)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_eps", 1e-5)}}}
blocks:
  feed_forward: [dense_h_to_4h = linear({hidden}), {act}, dense_4h_to_h = linear({width})]
  block:{block(config, attention)}
  body:
    - embed_in = embedding(vocab, {width})
    - layers = block * {config.get("num_hidden_layers", 44)}
    - final_layer_norm = layernorm
layers:
  - gpt_neox = body
{head_or(config, f"  - embed_out = linear(vocab, bias=false{tie}){chr(10)}")}"""


def inner(config: Configuration) -> Configuration:
    """The fields of rotary positions, which newer files have in `rope_parameters`."""
    config.read |= {"rope_parameters", "partial_rotary_factor", "rotary_pct", "rotary_emb_base", "rope_theta"}
    given = config.fields.get("rope_parameters")
    return Configuration(config.path, {**config.fields, **(given if isinstance(given, dict) else {})})


def base(config: Configuration) -> float:
    """The base of rotary positions."""
    usual = config.rope(1e4)
    return inner(config).get("rotary_emb_base", usual) if "rotary_emb_base" in config.fields else usual


def turned(config: Configuration, features: int) -> int:
    """How many features of a head turn with the position."""
    fields = inner(config)
    part = fields.get("partial_rotary_factor", fields.get("rotary_pct", 0.25))
    if not 0 <= part <= 1:
        raise config.wrong("rotary_pct", "is no part of a head")
    return int(features * part)


def block(config: Configuration, attention: str) -> str:
    """Attention and the MLP side by side, or one after the other."""
    if config.get("use_parallel_residual", True):
        return f"""
    - add:
        - "input_layernorm = layernorm -> {attention}"
        - post_attention_layernorm = layernorm -> mlp = feed_forward
        - prev"""
    return f"""
    - add:
        - "input_layernorm = layernorm -> {attention}"
        - prev
    - add:
        - post_attention_layernorm = layernorm -> mlp = feed_forward
        - prev"""
