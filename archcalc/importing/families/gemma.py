"""Gemma 1. Defaults: GemmaConfig of transformers 5.24. The embedding is multiplied by the root of the width."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag, gated_decoder


def spec(config: Configuration) -> str:
    heads, kv_heads = config.get("num_attention_heads", 16), config.given("num_key_value_heads") or 16
    config.read.add("hidden_activation")
    biased = flag(config.get("attention_bias", False))
    config.only("use_bidirectional_attention", False, "attention to later tokens")
    attention = (
        f"grouped_attention({heads}, {kv_heads}, head_dim={config.get('head_dim', 256)}, qkv_bias={biased}, "
        f"out_bias={biased}, causal=true, rope={config.rope(1e4)})"
    )
    config.get("hidden_size", 3072)
    return gated_decoder(
        config, "Gemma", attention=attention, hidden=24576, depth=28, vocab=256000, context=8192,
        act="gelu_pytorch_tanh", tied=True, scaled=True,
    )  # fmt: skip
