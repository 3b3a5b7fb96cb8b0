"""Qwen3. Defaults: Qwen3Config of transformers 5.24. Every head of queries and keys has a norm."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag, gated_decoder
from archcalc.importing.windows import no_windows


def spec(config: Configuration) -> str:
    no_windows(config)
    heads = config.get("num_attention_heads", 32)
    kv_heads, features = config.get("num_key_value_heads", 32), config.get("head_dim", 128)
    biased, eps = flag(config.get("attention_bias", False)), config.get("rms_norm_eps", 1e-6)
    attention = (
        f"grouped_attention({heads}, {kv_heads}, head_dim={features}, qkv_bias={biased}, out_bias={biased}, "
        f"causal=true, rope={config.rope(1e4)}, qk_norm={eps})"
    )
    return gated_decoder(config, "Qwen3", attention=attention, hidden=22016, vocab=151936, context=32768)
