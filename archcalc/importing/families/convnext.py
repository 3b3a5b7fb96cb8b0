"""ConvNeXt. Defaults: ConvNextConfig of transformers 5.24."""

from archcalc.importing.configuration import Configuration

STAGE = "convnext.encoder.stages.*"

NAMES = (
    {
        "stem": "convnext.embeddings.patch_embeddings",
        "layernorm1": "convnext.embeddings.layernorm",
        "stage*.*.conv1": f"{STAGE}.layers.*.dwconv",
        "stage*.*.layernorm1": f"{STAGE}.layers.*.layernorm",
        "stage*.*.mlp1.conv1": f"{STAGE}.layers.*.pwconv1",
        "stage*.*.mlp1.conv2": f"{STAGE}.layers.*.pwconv2",
        "stage*.*.layer_scale1.weight": f"{STAGE}.layers.*.layer_scale_parameter",
        "down*.layernorm1": f"{STAGE}.downsampling_layer.0",
        "down*.conv1": f"{STAGE}.downsampling_layer.1",
        "layernorm2": "convnext.layernorm",
    },
)


def spec(config: Configuration) -> str:
    widths = numbers(config, "hidden_sizes", [96, 192, 384, 768])
    depths = numbers(config, "depths", [3, 3, 9, 3])
    if len(widths) != len(depths):
        raise config.wrong("depths", "has not as many entries as hidden_sizes")
    config.read |= {"num_stages", "stage_names", "out_features", "out_indices", "drop_path_rate"}
    patch, size = config.get("patch_size", 4), config.get("image_size", 224)
    scale = config.get("layer_scale_init_value", 1e-6)
    scaled = f" -> layer_scale({scale})" if scale > 0 else ""
    act, eps = config.act("hidden_act", "gelu"), config.get("layer_norm_eps", 1e-12)
    stages = [f"  - stage0 = block * {depths[0]}"]
    for index, (width, depth) in enumerate(zip(widths[1:], depths[1:], strict=True), 1):
        stages.append(f"  - down{index} = down({width}) -> stage{index} = block * {depth}")
    head = f" -> classifier = linear({config.labels})" if "ForImageClassification" in config.architecture else ""
    return f"""archcalc: 1
name: ConvNeXt
input: [{config.get("num_channels", 3)}, {size}, {size}]
defaults:
  layernorm: {{eps: 1e-6}}
blocks:
  mlp: ["conv(1, 4 * x.channels)", {act}, "conv(1, x.channels)"]
  block:
    - add:
        - conv(7, x.channels, p3, groups=x.channels) -> layernorm -> mlp{scaled}
        - prev
  down(width):
    - layernorm -> conv(2, width, s2)
layers:
  - stem = conv({patch}, {widths[0]}, stride={patch}) -> layernorm
{chr(10).join(stages)}
  - gap -> layernorm(eps={eps}){head}
"""


def numbers(config: Configuration, name: str, default: list[int]) -> list[int]:
    """A field that is a list of a few whole numbers."""
    config.read.add(name)
    found = config.fields.get(name, default)
    if not isinstance(found, list) or not 0 < len(found) <= 16:
        raise config.wrong(name, "is no list of up to 16 numbers")
    if not all(type(each) is int and 0 < each < 1 << 20 for each in found):
        raise config.wrong(name, "is no list of whole numbers")
    return found
