"""Llama 1 to 3. Defaults: LlamaConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import GGUF, GGUF_OF_SHORT, SHORT, attention_call, flag, gated_decoder

NAMES = (SHORT, GGUF, GGUF_OF_SHORT)


def spec(config: Configuration) -> str:
    biased = flag(config.get("attention_bias", False))
    attention = attention_call(config, qkv_bias=biased, out_bias=biased)
    return gated_decoder(config, "Llama", attention=attention, mlp_bias=config.get("mlp_bias", False))
