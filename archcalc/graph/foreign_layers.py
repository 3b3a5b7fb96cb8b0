"""Layers of other frameworks by their meaning: what to write here for a name of torch, Keras or ONNX.

A name that is spelt like one of ours may mean something else: `normalize` is not `lrn`.
"""

from collections.abc import Mapping

NONE = "there is no such layer"

MEANINGS: Mapping[str, str] = {
    # --- shapes ---
    "view": "write reshape(sizes), without the batch; rearrange(pattern) also reorders axes",
    "view_as": "write reshape(sizes), without the batch",
    "unflatten": "write reshape(sizes), without the batch; untokens(height, width) makes a map of tokens",
    "squeeze": f'{NONE}; rearrange drops an axis of length 1: rearrange("b c 1 w -> b c w")',
    "unsqueeze": f'{NONE}; rearrange makes an axis of length 1: rearrange("b t c -> b t 1 c")',
    "expand_dims": f'{NONE}; rearrange makes an axis of length 1: rearrange("b t c -> b t 1 c")',
    "permute": f"{NONE}; rearrange(pattern) reorders axes, channels_last and channels_first move the channels",
    "tile": "write repeat(n, axis)",
    "repeat_vector": f'{NONE}; write rearrange("b c -> b 1 c") -> repeat(n, axis=length)',
    "split": "write slice(begin, end, axis=...) for each part",
    "chunk": "write slice(begin, end, axis=...) for each part",
    "zero_padding": "write pad(n)",
    "cropping": "write crop(n)",
    # --- convolutions ---
    "convolution": "write conv(kernel_size, out_channels)",
    "depthwise": "write conv(3, C, g=C), where C is the number of channels of the input",
    "depthwise_conv": "write conv(3, C, g=C), where C is the number of channels of the input",
    "separable_conv": "write conv(3, C, g=C, bias=false) -> conv(1, filters), where C is the number of input channels",
    "pointwise_conv": "write conv(1, filters)",
    "atrous_conv": "write conv(3, filters, d2): d is the dilation",
    "up_sampling": "write upsample(2)",
    # --- others ---
    "transformer": f"{NONE}: it is a block of layers; `archcalc new transformer` prints one",
    "transformer_block": f"{NONE}: it is a block of layers; `archcalc new transformer` prints one",
    "transformer_encoder": f"{NONE}: it is a block of layers; `archcalc new transformer` prints one",
    "transformer_encoder_layer": f"{NONE}: it is a block of layers; `archcalc new transformer` prints one",
    "dense": "write linear(units)",
    "gemm": "write linear(units)",
    "normalize": f"{NONE}; layernorm and rmsnorm learn scales; to length 1: {{div: [prev, 'reduce(norm, channels)']}}",
    "spectral_norm": "write it as an argument: conv(3, 64, parametrization=spectral_norm); lstm and others take it",
    "weight_norm": "write it as an argument: conv(3, 64, parametrization=weight_norm); lstm and others take it",
    "multihead_attention": "write attention(heads), or cross_attention(heads, memory)",
    "multi_head_attention": "write attention(heads), or cross_attention(heads, memory)",
    "bidirectional": "write lstm(units, bidirectional=true)",
    "time_distributed": "leave it out: linear acts on every position of a sequence",
    "spatial_dropout": "write dropout(p); it has the same sizes",
    "dropout_1d": "write dropout(p); it has the same sizes, and zeroes elements, not whole channels",
    "dropout_2d": "write dropout(p); it has the same sizes, and zeroes elements, not whole channels",
    "dropout_3d": "write dropout(p); it has the same sizes, and zeroes elements, not whole channels",
    "alpha_dropout": "write dropout(p); it has the same sizes",
    "global_average_pooling": "write gap",
    "global_max_pooling": "write global_maxpool",
    "average_pooling": "write avgpool(2)",
    "max_pooling": "write maxpool(2)",
    "rescaling": "write scale(factor)",
    "activation": "write the activation itself: relu",
    "lambda": f"{NONE}; a spec computes with layers only",
    "sequential": "write the layers with -> between them, or as a list",
    "bmm": "write matmul: [a, b]",
}
"""By name, in lower case, with _ between words and without a rank at the end."""


def meaning_of(name: str) -> str:
    """What to write for a layer of another framework; empty if it is not known.

    >>> meaning_of("Dense"), meaning_of("SeparableConv2D")[:18], meaning_of("relu")
    ('write linear(units)', 'write conv(3, C, g', '')
    """
    alike = {key.replace("_", ""): text for key, text in MEANINGS.items()}
    plain = name.rpartition(".")[2].lower().replace("_", "")
    return alike.get(plain) or alike.get(plain.removesuffix("d").rstrip("123"), "")
