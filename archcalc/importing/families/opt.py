"""OPT. Defaults: OPTConfig of transformers 5.24. The table of positions has two more rows than there are tokens."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag
from archcalc.importing.heads import head_or

NAMES = ({"model.decoder.layers.*.self_attn.o_proj": "model.decoder.layers.*.self_attn.out_proj"},)


def spec(config: Configuration) -> str:
    width, context = config.get("hidden_size", 768), config.get("max_position_embeddings", 2048)
    config.only("word_embed_proj_dim", width, "an embedding of another width")
    config.only("do_layer_norm_before", True, "norms after attention")
    config.only("layer_norm_elementwise_affine", True, "norms without weights")
    config.only("_remove_final_layer_norm", False, "no last norm")
    act, biased = config.act("activation_function", "relu"), flag(config.get("enable_bias", True))
    tie = ", tie=model.decoder.embed_tokens" if config.get("tie_word_embeddings", True) else ""
    head = head_or(config, f"  - lm_head = linear(vocab, bias=false{tie})\n")
    heads = config.get("num_attention_heads", 12)
    attention = f"self_attn = grouped_attention({heads}, qkv_bias={biased}, out_bias={biased}, causal=true)"
    return f"""archcalc: 1
name: OPT
params: {{T: {context}, vocab: {config.get("vocab_size", 50272)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  linear: {{bias: {biased}}}
blocks:
  block:
    - add:
        - self_attn_layer_norm = layernorm -> {attention}
        - prev
    - add:
        - final_layer_norm = layernorm -> fc1 = linear({config.get("ffn_dim", 3072)}) -> {act} -> fc2 = linear({width})
        - prev
  decoder:
    - embed_tokens = embedding(vocab, {width}) -> embed_positions = position_embedding({context + 2})
    - layers = block * {config.get("num_hidden_layers", 12)}
    - final_layer_norm = layernorm
  body: [decoder = decoder]
layers:
  - model = body
{head}"""
