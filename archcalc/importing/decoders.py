"""What families of language models have in common: the text of a decoder whose blocks are attention and a gated MLP."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.heads import head_or

LONGEST = 4096
"""Tokens of the input where the family allows more; `--set T=...` sets another number."""


def of_experts(theirs: str, gate: str, up: str, down: str) -> dict[str, str]:
    """The experts of a layer, which are two weights here and three for each expert there."""
    return {
        "model.layers.*.mlp.experts.gate_up_proj": f"{theirs}.#.{gate}.weight + {theirs}.#.{up}.weight",
        "model.layers.*.mlp.experts.down_proj": f"{theirs}.#.{down}.weight",
    }


EXPERTS = of_experts("model.layers.*.mlp.experts", "gate_proj", "up_proj", "down_proj")

SHORT = {
    "embed_tokens": "model.embed_tokens",
    "layers.*.norm1": "model.layers.*.input_layernorm",
    "layers.*.norm2": "model.layers.*.post_attention_layernorm",
    "layers.*.mlp1": "model.layers.*.mlp",
    "layers": "model.layers",
    "norm": "model.norm",
}
"""Names of weights in checkpoints, for the shorter ones that bundled specs have."""

GGUF = {
    "model.embed_tokens": "token_embd",
    "model.layers.*.input_layernorm": "blk.*.attn_norm",
    "model.layers.*.self_attn.q_proj": "blk.*.attn_q",
    "model.layers.*.self_attn.k_proj": "blk.*.attn_k",
    "model.layers.*.self_attn.v_proj": "blk.*.attn_v",
    "model.layers.*.self_attn.o_proj": "blk.*.attn_output",
    "model.layers.*.self_attn.q_norm": "blk.*.attn_q_norm",
    "model.layers.*.self_attn.k_norm": "blk.*.attn_k_norm",
    "model.layers.*.post_attention_layernorm": "blk.*.ffn_norm",
    "model.layers.*.mlp.gate_proj": "blk.*.ffn_gate",
    "model.layers.*.mlp.up_proj": "blk.*.ffn_up",
    "model.layers.*.mlp.down_proj": "blk.*.ffn_down",
    "model.norm": "output_norm",
    "lm_head": "output",
}
"""Names in GGUF files, as llama.cpp writes them."""

GGUF_OF_SHORT = {ours: GGUF[theirs] for ours, theirs in SHORT.items() if theirs in GGUF} | {
    "layers.*.mlp1.gate_proj": "blk.*.ffn_gate",
    "layers.*.mlp1.up_proj": "blk.*.ffn_up",
    "layers.*.mlp1.down_proj": "blk.*.ffn_down",
    "lm_head": "output",
    **{key.removeprefix("model."): name for key, name in GGUF.items() if ".self_attn." in key},
}


def shape_of_heads(config: Configuration, width: int = 4096, kv_heads: int = 0) -> tuple[int, int, int]:
    """The number of heads, of heads of keys, and the features of one. `width`, `kv_heads`: defaults."""
    heads = config.get("num_attention_heads", 32)
    kv_heads = config.given("num_key_value_heads") or kv_heads or heads
    width = config.get("hidden_size", width)
    return heads, kv_heads, config.given("head_dim") or width // heads


def turned(config: Configuration, default: float) -> int:
    """How many features of a head turn with the position. `default`: the part of them where the file says none."""
    config.read.add("partial_rotary_factor")
    inner = config.fields.get("rope_parameters")
    fields = {**config.fields, **(inner if isinstance(inner, dict) else {})}
    part = Configuration(config.path, fields).get("partial_rotary_factor", default)
    if not 0 <= part <= 1:
        raise config.wrong("partial_rotary_factor", "is no part of a head")
    return int(shape_of_heads(config)[2] * part)


def tokens(config: Configuration, default: int) -> int:
    return min(LONGEST, config.get("max_position_embeddings", default))


def flag(value: bool) -> str:
    return "true" if value else "false"


def gated_decoder(
    config: Configuration,
    title: str,
    *,
    attention: str,
    hidden: int = 11008,
    depth: int = 32,
    vocab: int = 32000,
    context: int = 2048,
    eps: float = 1e-6,
    act: str = "silu",
    tied: bool = False,
    mlp_bias: bool = False,
    scaled: bool = False,
    mixture: str = "",
    width: int = 4096,
    padding: str = "",
) -> str:
    """The spec. `attention`: the call of a layer; `mixture`: in place of the MLP; `padding`: of the table of tokens."""
    width = config.get("hidden_size", width)
    gate = gated(config.get("intermediate_size", hidden), width, config.act("hidden_act", act))
    return f"""archcalc: 1
name: {title}
params: {{T: {tokens(config, context)}, vocab: {config.get("vocab_size", vocab)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  linear: {{bias: {flag(mlp_bias)}}}
  rmsnorm: {{eps: {config.get("rms_norm_eps", eps)}}}
blocks:{"" if mixture else gate}
  block:
    - add: ["input_layernorm = rmsnorm -> self_attn = {attention}", prev]
    - add: ["post_attention_layernorm = rmsnorm -> {mixture or "mlp = gated"}", prev]
  decoder:
    - embed_tokens = embedding(vocab, {width}{padding}){" -> scale(power=0.5)" if scaled else ""}
    - layers = block * {config.get("num_hidden_layers", depth)}
    - norm = rmsnorm
layers:
  - model = decoder
{head_of(config, tied)}"""


def head_of(config: Configuration, tied: bool, more: str = "") -> str:
    """The map to the vocabulary, or another head. `tied`: the default; `more`: what follows the map."""
    tie = ", tie=model.embed_tokens" if config.get("tie_word_embeddings", tied) else ""
    return head_or(config, f"  - lm_head = linear(vocab, bias=false{tie}){more}\n")


def gated(size: int, width: int, act: str) -> str:
    """The block of a gated MLP."""
    return f"""
  gated:
    - mul:
        - gate_proj = linear({size}) -> {act}
        - up_proj = linear({size})
    - down_proj = linear({width})"""


def attention_call(config: Configuration, *, rope: float = 1e4, part: float = 0.0, **more: object) -> str:
    """The call of grouped_attention with the heads of a configuration. `part`: of the features of a head, how many turn
    with the position where the file does not say it; all if it is 0."""
    heads, kv_heads, features = shape_of_heads(config)
    stated = {"num_heads": heads, "num_kv_heads": kv_heads, "head_dim": features, "causal": "true", **more}
    if part and (some := turned(config, part)) != features:
        stated["rotary_dim"] = some
    if rope:
        stated["rope"] = config.rope(rope)
    return f"grouped_attention({', '.join(f'{name}={value}' for name, value in stated.items())})"
