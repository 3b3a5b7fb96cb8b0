"""Qwen2 and Qwen2.5. Defaults: Qwen2Config of transformers 5.24. Queries, keys and values always have biases."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import attention_call, gated_decoder
from archcalc.importing.windows import no_windows


def spec(config: Configuration) -> str:
    no_windows(config)
    attention = attention_call(config, qkv_bias="true")
    return gated_decoder(config, "Qwen2", attention=attention, hidden=22016, vocab=151936, context=32768)
