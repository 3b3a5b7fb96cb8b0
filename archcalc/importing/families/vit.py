"""ViT. Defaults: ViTConfig of transformers 5.24. The classifier reads the class token."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.decoders import flag
from archcalc.importing.encoders import qkv

OLD = "vit.encoder.layer.*"

BOTH = {
    "patch_embeddings": "vit.embeddings.patch_embeddings.projection",
    "class_token1.weight": "vit.embeddings.cls_token",
    "position_embedding1.weight": "vit.embeddings.position_embeddings",
    "layernorm1": "vit.layernorm",
}

NAMES = (
    {
        **BOTH,
        **qkv("encoder.*.attention1", f"{OLD}.attention.attention", ("query", "key", "value")),
        "encoder.*.attention1.out_proj": f"{OLD}.attention.output.dense",
        "encoder.*.linear1": f"{OLD}.intermediate.dense",
        "encoder.*.linear2": f"{OLD}.output.dense",
        "encoder": "vit.encoder.layer",
    },
    {
        **BOTH,
        **qkv("encoder.*.attention1", "vit.layers.*.attention", ("q_proj", "k_proj", "v_proj")),
        "encoder.*.attention1.out_proj": "vit.layers.*.attention.o_proj",
        "encoder.*.linear1": "vit.layers.*.mlp.fc1",
        "encoder.*.linear2": "vit.layers.*.mlp.fc2",
        "encoder": "vit.layers",
    },
)
"""As the files have them, and as transformers 5 has them."""


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
