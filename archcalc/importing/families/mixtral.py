"""Mixtral. Defaults: MixtralConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import SHORT, attention_call, gated_decoder, of_experts

MOE = "model.layers.*.block_sparse_moe"

NAMES = (
    {"model.layers.*.mlp.gate": f"{MOE}.gate", **of_experts(f"{MOE}.experts", "w1", "w3", "w2")},
    {"layers.*.moe": "model.layers.*.mlp", **SHORT},
)
"""As the files have them, and as transformers 5 has them for the bundled spec."""


def spec(config: Configuration) -> str:
    window = config.given("sliding_window")
    experts, top = config.get("num_local_experts", 8), config.get("num_experts_per_tok", 2)
    hidden, act = config.get("intermediate_size", 14336), config.act("hidden_act", "silu")
    mixture = f"mlp = mixture({experts}, {top}, {hidden}, act={act})"
    attention = attention_call(config, rope=1e6, **({"window": window} if window else {}))
    return gated_decoder(
        config, "Mixtral", attention=attention, hidden=14336, context=131072, eps=1e-5, mixture=mixture
    )
