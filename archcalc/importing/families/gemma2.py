"""Gemma 2. Defaults: Gemma2Config of transformers 5.24. Every second layer sees a window; norms stand on both sides."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.normed_decoders import attention_of, normed_decoder, soft_cap
from archcalc.importing.windows import period_of_whole_layers


def spec(config: Configuration) -> str:
    config.get("num_hidden_layers", 26)
    base = config.rope(1e4)
    window, capped = config.given("sliding_window") or 4096, soft_cap(config, "attn_logit_softcapping", 50.0)
    more = f", softcap={capped}" if capped else ""
    return normed_decoder(
        config, "Gemma2",
        whole=attention_of(config, base, more),
        windowed=attention_of(config, base, f", window={window}{more}"),
        period=period_of_whole_layers(config, 2),
        cap=soft_cap(config, "final_logit_softcapping", 30.0),
        vocab=256000, context=8192,
    )  # fmt: skip
