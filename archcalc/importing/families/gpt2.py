"""GPT-2. Defaults: GPT2Config of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.heads import head_or

H = "transformer.h.*"

NAMED = {
    f"{H}.attn.in_proj_weight": f"{H}.attn.c_attn.weight ^T",
    f"{H}.attn.in_proj_bias": f"{H}.attn.c_attn.bias",
    f"{H}.attn.out_proj.weight": f"{H}.attn.c_proj.weight ^T",
    f"{H}.attn.out_proj": f"{H}.attn.c_proj",
    f"{H}.mlp.c_fc.weight": f"{H}.mlp.c_fc.weight ^T",
    f"{H}.mlp.c_proj.weight": f"{H}.mlp.c_proj.weight ^T",
}

ALONE = {
    **{ours: theirs.removeprefix("transformer.") for ours, theirs in NAMED.items()},
    **{f"transformer.{each}": each for each in ("h", "wte", "wpe", "ln_f")},
}

NAMES = (NAMED, ALONE)
"""With the language model's head, and as the files of the model alone have them."""


def spec(config: Configuration) -> str:
    width, heads = config.get("n_embd", 768), config.get("n_head", 12)
    hidden = config.given("n_inner") or 4 * width
    config.only("scale_attn_weights", True, "attention without its scale")
    config.only("scale_attn_by_inverse_layer_idx", False, "a scale that depends on the layer")
    tie = ", tie=transformer.wte" if config.get("tie_word_embeddings", True) else ""
    head = head_or(config, f"  - lm_head = linear(vocab, bias=false{tie})\n")
    return f"""archcalc: 1
name: GPT-2
params: {{T: {config.get("n_positions", 1024)}, vocab: {config.get("vocab_size", 50257)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_epsilon", 1e-5)}}}
blocks:
  feed_forward: [c_fc = linear({hidden}), {config.act("activation_function", "gelu_new")}, c_proj = linear({width})]
  block:
    - add:
        - "ln_1 = layernorm -> attn = attention({heads}, causal=true)"
        - prev
    - add:
        - ln_2 = layernorm -> mlp = feed_forward
        - prev
  body:
    - wte = embedding(vocab, {width}) -> wpe = position_embedding({config.get("n_positions", 1024)})
    - h = block * {config.get("n_layer", 12)}
    - ln_f = layernorm
layers:
  - transformer = body
{head}"""
