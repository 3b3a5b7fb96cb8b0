"""Phi-1, 1.5 and 2. Defaults: PhiConfig of transformers 5.24. Attention and MLP read the same norm."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import attention_call, tokens
from archcalc.importing.heads import head_or

NAMES = (
    {
        "model.layers.*.together1.self_attn.o_proj": "model.layers.*.self_attn.dense",
        "model.layers.*.together1": "model.layers.*",
    },
)


def spec(config: Configuration) -> str:
    width, size = config.get("hidden_size", 2048), config.get("intermediate_size", 8192)
    config.only("qk_layernorm", False, "norms of queries and keys")
    config.get("hidden_size", 2048)
    attention = attention_call(config, qkv_bias="true", out_bias="true", part=0.5)
    tie = ", tie=model.embed_tokens" if config.get("tie_word_embeddings", False) else ""
    head = head_or(config, f"  - lm_head = linear(vocab{tie})\n")
    return f"""archcalc: 1
name: Phi
params: {{T: {tokens(config, 2048)}, vocab: {config.get("vocab_size", 51200)}}}
input: {{ids: {{shape: [T], dtype: int64, vocab: vocab}}}}
defaults:
  layernorm: {{eps: {config.get("layer_norm_eps", 1e-5)}}}
blocks:
  feed_forward: [fc1 = linear({size}), {config.act("hidden_act", "gelu_new")}, fc2 = linear({width})]
  block:
    - add:
        - together
        - prev
  together:
    - input_layernorm = layernorm
    - add:
        - self_attn = {attention}
        - mlp = feed_forward
  decoder:
    - embed_tokens = embedding(vocab, {width})
    - layers = block * {config.get("num_hidden_layers", 24)}
    - final_layernorm = layernorm
layers:
  - model = decoder
{head}"""
