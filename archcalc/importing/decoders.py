"""What families of language models have in common: the text of a decoder whose blocks are attention and a gated MLP."""

from archcalc.importing.configuration import Configuration

LONGEST = 4096
"""Tokens of the input where the family allows more; `--set T=...` sets another number."""


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
    return int(shape_of_heads(config)[2] * Configuration(config.path, fields).get("partial_rotary_factor", default))


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
    """The map to the vocabulary; empty for a model without it. `tied`: the default; `more`: what follows it."""
    tie = ", tie=model.embed_tokens" if config.get("tie_word_embeddings", tied) else ""
    head = f"  - lm_head = linear(vocab, bias=false{tie}){more}\n"
    return head if "ForCausalLM" in config.architecture or not config.architecture else ""


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
