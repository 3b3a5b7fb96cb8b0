"""Mistral. Defaults: MistralConfig of transformers 5.24; a window that is null is none, one that is missing is 4096."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import attention_call, gated_decoder


def spec(config: Configuration) -> str:
    window = config.given("sliding_window") if "sliding_window" in config.fields else 4096
    config.only("use_sliding_window", True, "windows that are switched off") if window else None
    attention = attention_call(config, **({"window": window} if window else {}))
    return gated_decoder(config, "Mistral", attention=attention, hidden=14336, context=131072)
