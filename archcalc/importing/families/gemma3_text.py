"""Gemma 3, its language model. Defaults: Gemma3TextConfig of transformers 5.24. Five layers of six see a window."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.normed_decoders import attention_of, normed_decoder, soft_cap
from archcalc.importing.windows import period_of_whole_layers


def spec(config: Configuration) -> str:
    window, eps = config.given("sliding_window") or 4096, config.get("rms_norm_eps", 1e-6)
    near, far = (
        config.rope_of("sliding_attention", "rope_local_base_freq", 1e4),
        config.rope_of("full_attention", "", 1e6),
    )
    if soft_cap(config, "attn_logit_softcapping", 0.0):
        raise config.wrong(
            "attn_logit_softcapping", "is not described: norms of queries and keys beside a limit of scores"
        )
    return normed_decoder(
        config, "Gemma3",
        whole=attention_of(config, far, f", qk_norm={eps}"),
        windowed=attention_of(config, near, f", window={window}, qk_norm={eps}"),
        period=period_of_whole_layers(config, config.given("sliding_window_pattern") or 6),
        cap=soft_cap(config, "final_logit_softcapping", 0.0),
        vocab=262208, context=131072,
    )  # fmt: skip
