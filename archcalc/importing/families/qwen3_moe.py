"""Qwen3 with experts. Defaults: Qwen3MoeConfig of transformers 5.24. Every head of queries and keys has a norm."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import EXPERTS, flag, gated_decoder, shape_of_heads
from archcalc.importing.windows import no_windows

NAMES = (EXPERTS,)


def spec(config: Configuration) -> str:
    no_windows(config)
    config.only("decoder_sparse_step", 1, "experts in some of the layers")
    config.read.add("mlp_only_layers")
    if config.fields.get("mlp_only_layers"):
        raise config.wrong("mlp_only_layers", "is not described: layers without experts")
    heads, kv_heads, features = shape_of_heads(config, width=2048, kv_heads=4)
    biased, eps = flag(config.get("attention_bias", False)), config.get("rms_norm_eps", 1e-6)
    attention = (
        f"grouped_attention({heads}, {kv_heads}, head_dim={features}, qkv_bias={biased}, out_bias={biased}, "
        f"causal=true, rope={config.rope(1e4)}, qk_norm={eps})"
    )
    experts = config.given("num_experts") or config.get("num_local_experts", 128)
    config.read.add("num_local_experts")
    top, hidden = config.get("num_experts_per_tok", 8), config.get("moe_intermediate_size", 768)
    mixture = (
        f"mlp = mixture({experts}, {top}, {hidden}, act={config.act('hidden_act', 'silu')}, "
        f"norm_topk_prob={flag(config.get('norm_topk_prob', False))})"
    )
    return gated_decoder(
        config, "Qwen3MoE", attention=attention, hidden=6144, depth=24, vocab=151936, context=32768, mixture=mixture,
        width=2048,
    )  # fmt: skip
