"""Phi-3, Phi-3.5 and Phi-4. Defaults: Phi3Config of transformers 5.24. Names in checkpoints are those of fused maps."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import attention_call, gated_decoder

SELF = "model.layers.*.self_attn"

NAMES = (
    {
        f"{SELF}.q_proj + {SELF}.k_proj + {SELF}.v_proj": f"{SELF}.qkv_proj",
        "model.layers.*.mlp.gate_proj + model.layers.*.mlp.up_proj": "model.layers.*.mlp.gate_up_proj",
    },
)


def spec(config: Configuration) -> str:
    config.read.add("original_max_position_embeddings")
    config.only("attention_bias", False, "biases of attention")
    config.get("num_attention_heads", 32)
    config.get("hidden_size", 3072)
    window = config.given("sliding_window")
    attention = attention_call(config, part=1.0, **({"window": window} if window else {}))
    padding = config.fields.get("pad_token_id", 32000)
    known = type(padding) is int and 0 <= padding < config.get("vocab_size", 32064)
    return gated_decoder(
        config, "Phi3", attention=attention, hidden=8192, vocab=32064, context=4096, eps=1e-5, width=3072,
        padding=f", padding_idx={padding}" if known else "",
    )  # fmt: skip
