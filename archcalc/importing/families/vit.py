"""ViT. Defaults: ViTConfig of transformers 5.24. The classifier reads the class token."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag


def spec(config: Configuration) -> str:
    width, heads = config.get("hidden_size", 768), config.get("num_attention_heads", 12)
    size, patch = config.get("image_size", 224), config.get("patch_size", 16)
    biased = config.get("qkv_bias", True)
    if not biased:
        raise config.wrong("qkv_bias", "is not described: queries, keys and values without biases")
    act, eps = config.act("hidden_act", "gelu"), config.get("layer_norm_eps", 1e-12)
    pooled, pooler_act = config.get("pooler_output_size", width), config.act("pooler_act", "tanh")
    head = f"pooler = linear({pooled}) -> {pooler_act}"
    if "ForImageClassification" in config.architecture:
        head = f"classifier = linear({config.labels})"
    elif config.architecture not in ("", "ViTModel"):
        config.warn(f"the head of {config.architecture[:60]} is left out: the spec is of the model with its pooler")
    return f"""archcalc: 1
name: ViT
input: [{config.get("num_channels", 3)}, {size}, {size}]
defaults:
  layernorm: {{eps: {eps}}}
blocks:
  block:
    - add:
        - layernorm_before = layernorm -> attention({heads}, bias={flag(biased)})
        - prev
    - add:
        - layernorm_after = layernorm -> linear({config.get("intermediate_size", 3072)}) -> {act} -> linear({width})
        - prev
layers:
  - patch_embeddings = conv({patch}, {width}, stride={patch})
  - tokens -> class_token -> position_embedding
  - encoder = block * {config.get("num_hidden_layers", 12)}
  - layernorm -> select(0) -> {head}
"""
