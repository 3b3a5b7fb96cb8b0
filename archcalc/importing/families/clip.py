"""CLIP. Defaults: CLIPConfig of transformers 5.24. One picture is compared with one text, whose last token ends it."""

from archcalc.importing.configuration import Configuration
from archcalc.importing.encoders import qkv


def named(ours: str, theirs: str) -> dict[str, str]:
    """Names in checkpoints of the blocks of one of the two transformers."""
    layer = f"{theirs}.encoder.layers.*"
    return {
        **qkv(f"{ours}.*.attention1", f"{layer}.self_attn", ("q_proj", "k_proj", "v_proj")),
        f"{ours}.*.attention1.out_proj": f"{layer}.self_attn.out_proj",
        f"{ours}.*.layernorm1": f"{layer}.layer_norm1",
        f"{ours}.*.layernorm2": f"{layer}.layer_norm2",
        f"{ours}.*.linear1": f"{layer}.mlp.fc1",
        f"{ours}.*.linear2": f"{layer}.mlp.fc2",
    }


NAMES = (
    {
        **named("image_blocks", "vision_model"),
        **named("text_blocks", "text_model"),
        "patches": "vision_model.embeddings.patch_embedding",
        "class_token1.weight": "vision_model.embeddings.class_embedding",
        "position_embedding1": "vision_model.embeddings.position_embedding",
        "pre_layrnorm": "vision_model.pre_layrnorm",
        "layernorm1": "vision_model.post_layernorm",
        "embedding1": "text_model.embeddings.token_embedding",
        "position_embedding2": "text_model.embeddings.position_embedding",
        "final_layer_norm": "text_model.final_layer_norm",
        "learned1.weight": "logit_scale",
    },
)


def spec(config: Configuration) -> str:
    text, image = config.inner("text_config"), config.inner("vision_config")
    config.read |= {"logit_scale_init_value", "text_config_dict", "vision_config_dict"}
    size = config.get("projection_dim", 512)
    for each in (text, image):
        each.read |= {"projection_dim"}
    words, width = text.get("hidden_size", 512), image.get("hidden_size", 768)
    patch, side = image.get("patch_size", 32), image.get("image_size", 224)
    length = text.get("max_position_embeddings", 77)
    return f"""archcalc: 1
name: CLIP
params: {{T: {length}, vocab: {text.get("vocab_size", 49408)}}}
input:
  image: [{image.get("num_channels", 3)}, {side}, {side}]
  text: {{shape: [T], dtype: int64, vocab: vocab}}
blocks:
  quick_gelu: {{mul: [scale(1.702) -> sigmoid, x]}}
{tower("see", image, 12, 3072, "")}
{tower("read", text, 8, 2048, ", causal=true")}
  unit:
    - length = reduce(norm, channels)
    - div: [x, length]
layers:
  - image -> patches = conv({patch}, {width}, stride={patch}, bias=false) -> tokens -> class_token -> position_embedding
  - pre_layrnorm = layernorm(eps={image.get("layer_norm_eps", 1e-5)})
  - image_blocks = see * {image.get("num_hidden_layers", 12)}
  - select(0) -> layernorm(eps={image.get("layer_norm_eps", 1e-5)}) -> visual_projection = linear({size}, bias=false)
  - image_vector = unit
  - images = rearrange("b c -> b 1 c", last)
  - text -> embedding(vocab, {words}) -> position_embedding({length})
  - text_blocks = read * {text.get("num_hidden_layers", 12)}
  - final_layer_norm = layernorm(eps={text.get("layer_norm_eps", 1e-5)})
  - select(T - 1) -> text_projection = linear({size}, bias=false)
  - text_vector = unit
  - closeness = einsum(bc, bic, bi, images)
  - logit = mul: ["learned([1], init=2.66) -> exp", closeness]
outputs: [logit, image_vector, text_vector]
"""


def tower(name: str, config: Configuration, heads: int, hidden: int, more: str) -> str:
    """The block of one of the two transformers; the numbers are defaults."""
    act = "quick_gelu" if config.get("hidden_act", "quick_gelu") == "quick_gelu" else config.act("hidden_act", "gelu")
    eps, width = config.get("layer_norm_eps", 1e-5), config.get("hidden_size", 512 if more else 768)
    size = config.get("intermediate_size", hidden)
    return f"""  {name}:
    - add: ["layernorm(eps={eps}) -> attention({config.get("num_attention_heads", heads)}{more})", x]
    - add: ["layernorm(eps={eps}) -> linear({size}) -> {act} -> linear({width})", prev]"""
