"""What Gemma 2 and 3 have in common: four norms in each block, and windows in all layers but some."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag, gated, head_of, tokens


def soft_cap(config: Configuration, name: str, default: float) -> float:
    """The limit of scores or logits; 0 if there is none. A field that is null says that there is none."""
    config.read.add(name)
    return config.get(name, default) if config.fields.get(name, default) is not None else 0.0


def attention_of(config: Configuration, base: float, more: str) -> str:
    """The call of an attention layer. `base`: of its rotary positions; `more`: the arguments that differ."""
    heads, kv_heads = config.get("num_attention_heads", 8), config.given("num_key_value_heads") or 4
    features, biased = config.get("head_dim", 256), flag(config.get("attention_bias", False))
    config.only("use_bidirectional_attention", False, "attention to later tokens")
    divisor = config.get("query_pre_attn_scalar", 256)
    scale = "" if divisor == features else f", scale={divisor**-0.5}"
    return (
        f"grouped_attention({heads}, {kv_heads}, head_dim={features}, qkv_bias={biased}, out_bias={biased}, "
        f"causal=true, rope={base}{scale}{more})"
    )


def normed_decoder(
    config: Configuration, title: str, *, whole: str, windowed: str, period: int, cap: float, vocab: int, context: int
) -> str:
    """The spec. `whole`: the call of attention in each layer whose number is a multiple of `period`, else `windowed`.
    `cap`: the limit of logits, or 0."""
    width = config.get("hidden_size", 2304)
    act = config.act("hidden_activation", "gelu_pytorch_tanh")
    config.read |= {"hidden_act", "cache_implementation"}
    limit = f" -> scale({1 / cap}) -> tanh -> scale({cap})" if cap else ""
    return f"""archcalc: 1
name: {title}
params: {{T: {tokens(config, context)}, vocab: {config.get("vocab_size", vocab)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  linear: {{bias: false}}
  rmsnorm: {{eps: {config.get("rms_norm_eps", 1e-6)}}}
blocks:{gated(config.get("intermediate_size", 9216), width, act)}
  block(whole):
    - input_layernorm = rmsnorm
    - self_attn = {whole} if whole else {windowed}
    - add: [post_attention_layernorm = rmsnorm, x]
    - add: [pre_feedforward_layernorm = rmsnorm -> mlp = gated -> post_feedforward_layernorm = rmsnorm, prev]
  decoder:
    - embed_tokens = embedding(vocab, {width}) -> scale(power=0.5)
    - layers = block((i + 1) % {period} == 0) for i in range({config.get("num_hidden_layers", 26)})
    - norm = rmsnorm
layers:
  - model = decoder
{head_of(config, tied=True, more=limit)}"""
