"""Layers of other frameworks by their meaning: what to write here for a name of torch, Keras or ONNX.

A name that is spelt like one of ours may mean something else: `normalize` is not `lrn`.
"""

import re
from collections.abc import Mapping
from functools import cache

NONE = "there is no such layer"

ELEMENTS = f"{NONE}; identity has the same sizes, without its arithmetic"

UNIT = "to length 1: {div: [prev, 'reduce(norm, channels, keep=true)']}"

LOSS = "losses are no layers: a network ends with its outputs; leave it out"

CONDITION = f"{NONE}; mask(by=..., fill=...) and where compute with given conditions"

BLOCK = f"{NONE}: it is a block of layers; `archcalc new transformer` prints one"

GATE = "it is a block: gap, layers that end in sigmoid, and mul: [x, gate]; `archcalc specs show se_resnet50` has one"

PARALLEL = "it is a block: paths side by side, joined by concat or add; `archcalc specs show deeplabv3` has one"

BLOCKS: Mapping[str, tuple[str, ...]] = {
    "resnet18": ("resnet_block", "residual_block", "res_block", "basic_block"),
    "resnet50": ("bottleneck", "bottleneck_block"),
    "squeezenet": ("fire", "fire_module"),
    "efficientnet": ("mbconv", "mb_conv"),
    "mobilenet_v2": ("inverted_residual", "inverted_bottleneck"),
    "densenet121": ("dense_block", "dense_layer", "transition"),
    "googlenet": ("inception_block", "inception_module"),
    "yolov8n": ("c2f", "sppf", "csp"),
    "unet": ("double_conv", "up_block", "down_block"),
    "swin": ("swin_block", "swin_transformer_block"),
    "convnext": ("convnext_block",),
    "ghostnet": ("ghost", "ghost_module", "ghost_conv", "ghost_bottleneck"),
    "shufflenet_v2": ("shuffle_unit", "shuffle_block"),
    "mlp_mixer": ("mixer_block", "mixer_layer"),
    "attention_unet": ("attention_gate",),
    "hourglass": ("hourglass",),
    "retinanet": ("fpn", "feature_pyramid", "feature_pyramid_network"),
    "efficientdet": ("bifpn", "pan", "panet", "path_aggregation"),
    "mamba": ("mamba", "mamba_block", "ssm", "s4", "s6"),
    "rwkv": ("rwkv", "time_mixing", "channel_mixing"),
    "gcn": ("gcn", "gcn_conv", "graph_conv", "graph_convolution", "message_passing", "sage", "sage_conv", "gin_conv"),
    "gat": ("gat", "gat_conv", "graph_attention", "graph_attention_layer"),
    "capsnet": ("capsule", "capsules", "primary_caps", "digit_caps", "routing", "dynamic_routing"),
    "vqvae": ("vq", "codebook", "vector_quantizer", "vector_quantize", "vector_quantization", "quantize", "quantizer"),
    "conformer": ("conformer_block",),
    "sknet": ("sk", "sk_block", "selective_kernel"),
    "patchtst": ("rev_in", "revin"),
    "stn": ("spatial_transformer",),
    "nbeats": ("nbeats_block",),
    "convlstm": ("conv_lstm_cell",),
    "conv_tasnet": ("tcn_block", "temporal_block"),
}
"""Bundled specs, each with names of blocks of the literature that it has."""

SPECTRAL = "write it as an argument: conv(3, 64, parametrization=spectral_norm); lstm and others take it"

STANDARD = "write it as an argument: conv(3, 64, parametrization=weight_standardization)"

DIAGONAL = f"{NONE}; mul: [prev, constant(ones and zeros, [n, n])] -> reduce(sum, axis) has its values"

FOURIER = (
    f"{NONE}, because its values are complex; opaque(makes, seen) states the sizes of one, as `archcalc import` does"
)

TRANSFORMS = (
    *(f"{kind}fft{axes}" for kind in ("", "r", "i", "ir") for axes in ("", "2", "n")),
    *("stft", "istft", "fourier", "dct"),
)

DEPTHWISE = "write conv(3, C, groups=C), where C is the number of channels of the input"

SEPARABLE = "write conv(3, C, groups=C, bias=false) -> conv(1, n), where C is the number of channels of the input"

SPECTRUM = f"{NONE}; let the input be the spectrum, or write matmul: [x, basis] with constant(values) as the basis"

AUGMENTATION = "leave it out: it changes samples before they reach the network"

BOXES = f"{NONE}: how many boxes are left depends on values; the outputs are the scores and the boxes"

LAST = "write select(-1): the last step of a sequence; slice(-1, axis=length) keeps the axis"

FIRST = "write select(0): the first step of a sequence; slice(0, 1, axis=length) keeps the axis"

POOLED = "write softmax(length) of scores, and matmul: [scores, values]; reduce(mean, length) has no weights"

PART = "it is the name of a part: write its layers, or define it under blocks:"

PARTS = frozenset(
    """
    backbone block blocks body bottom boxhead cell classificationhead classifier clshead decoder decoderblock
    discriminator down embedder embeddings encoder encoderblock encoderdecoder featureextractor features final
    finallayer generator head heads hidden hiddenlayer layer layers left lmhead logits main maskhead mid middle model
    module neck net network out outconv outputlayer post pre prediction predictor proj projection projectionhead
    projector right scores stage stem tail top trunk unit up
    """.split()  # noqa: SIM905  a list of so many words is read as text
)
"""Names that papers and code give to parts of a network, without what joins their words."""

STEP = "for one step of time, use a sequence of length 1"

MEANINGS: Mapping[str, str] = {
    # --- shapes ---
    **dict.fromkeys(
        ("last", "last_step", "last_token", "last_hidden", "last_hidden_state", "take_last", "final_step"), LAST
    ),
    **dict.fromkeys(("first", "first_step", "first_token", "take_first", "cls"), FIRST),
    "shuffle": "write channel_shuffle(groups), or pixel_shuffle(factor)",
    "patchify": "write conv(16, width, s16) -> tokens",
    "patches": "write conv(16, width, s16) -> tokens",
    "to_patches": "write conv(16, width, s16) -> tokens",
    "unpatchify": 'write rearrange("b (h w) (p q c) -> b c (h p) (w q)", h=16, p=2, q=2)',
    "tokenize": "write tokens: each position becomes a token; texts are ids, which embedding(n, width) looks up",
    "focus": "write pixel_unshuffle(2)",
    **dict.fromkeys(
        (
            "random_crop",
            "random_flip",
            "random_rotation",
            "random_zoom",
            "flip_horizontal",
            "rot90",
            "rotate",
            "color_jitter",
            "normalize_image",
            "augment",
            "mixup",
            "cutout",
            "cutmix",
        ),
        AUGMENTATION,
    ),
    "view": "write reshape(sizes), without the batch; rearrange(pattern) also reorders axes",
    "view_as": "write reshape(sizes), without the batch",
    "resize_as": "write resize(like=...)",
    "unflatten": "write reshape(sizes), without the batch; untokens(height, width) makes a map of tokens",
    "squeeze": f'{NONE}; rearrange drops an axis of length 1: rearrange("b c 1 w -> b c w")',
    "unsqueeze": f'{NONE}; rearrange makes an axis of length 1: rearrange("b t c -> b t 1 c")',
    "expand_dims": f'{NONE}; rearrange makes an axis of length 1: rearrange("b t c -> b t 1 c")',
    "expand_as": "write expand(like=...)",
    "permute": f"{NONE}; rearrange(pattern) reorders axes, channels_last and channels_first move the channels",
    "movedim": f"{NONE}; rearrange(pattern) reorders axes, channels_last and channels_first move the channels",
    "swapaxes": f"{NONE}; rearrange(pattern) reorders axes, channels_last and channels_first move the channels",
    "tile": "write repeat(n, axis)",
    "repeat_interleave": "write repeat(n, axis, interleave=true)",
    "repeat_vector": f'{NONE}; write rearrange("b c -> b 1 c") -> repeat(n, axis=length)',
    "chunk": "write a, b = split(2): one number is how many equal parts there are",
    "unbind": "write split(n, axis=...) with as many parts as elements, and rearrange to drop the axis of each",
    "narrow": "write slice(begin, end, axis=...)",
    "index_select": "write take(index, axis=...), or gather(by=...)",
    "one_hot": f"{NONE}; embedding(n, width) looks up rows, which is what a product with one-hot vectors does",
    "zero_padding": "write pad(n)",
    "zero_pad": "write pad(n)",
    "constant_pad": "write pad(n, value=...)",
    "reflection_pad": "write pad(n, mode=reflect)",
    "replication_pad": "write pad(n, mode=replicate)",
    "circular_pad": "write pad(n, mode=circular)",
    "cropping": "write crop(border=n)",
    "center_crop": "write crop(size=n)",
    # --- convolutions ---
    "pointwise": "write conv(1, filters)",
    "atrous": "write conv(3, filters, d2): d is the dilation",
    "causal_conv": "write conv(3, filters, padding=[[2, 0]]): k - 1 elements in front",
    "transposed_conv": "write upconv(kernel_size, filters)",
    "trans_conv": "write upconv(kernel_size, filters)",
    "fractionally_strided_conv": "write upconv(kernel_size, filters)",
    "deformable": "write deform_conv(kernel_size, filters, offsets), with offsets from a conv",
    "deformable_conv": "write deform_conv(kernel_size, filters, offsets), with offsets from a conv",
    "dcn": "write deform_conv(kernel_size, filters, offsets), with offsets from a conv",
    "cost_volume": "write correlation(other, max_displacement)",
    "warp": "write grid_sample: it reads a map at the places that a flow names",
    "convolution": "write conv(kernel_size, out_channels)",
    "depthwise": DEPTHWISE,
    "depthwise_conv": DEPTHWISE,
    "dw_conv": DEPTHWISE,
    "conv_dw": DEPTHWISE,
    "group_conv": "write conv(3, filters, groups=groups)",
    "separable_conv": SEPARABLE,
    "sep_conv": SEPARABLE,
    "pointwise_conv": "write conv(1, filters)",
    "pw_conv": "write conv(1, filters)",
    "atrous_conv": "write conv(3, filters, d2): d is the dilation",
    "dilated_conv": "write conv(3, filters, d2): d is the dilation",
    "conv_tbc": "write conv1d(kernel_size, out_channels) on a sequence",
    "up_sampling": "write upsample(2)",
    "upscale": "write upsample(2)",
    "upsampling_nearest": "write upsample(2)",
    "upsampling_bilinear": "write resize(scale_factor=2, mode=bilinear, align_corners=true)",
    "upsample_bilinear": "write resize(scale_factor=2, mode=bilinear, align_corners=true)",
    "upsample_nearest": "write upsample(2)",
    "downsample": "write conv(3, filters, s2), or avgpool(2)",
    # --- pooling ---
    "roi_pool": "write roi_align(boxes, output_size)",
    "attention_pool": POOLED,
    "attention_pooling": POOLED,
    "attentive_pooling": POOLED,
    "statistics_pooling": "write concat: ['reduce(mean, length)', 'reduce(std, length)']",
    "stats_pool": "write concat: ['reduce(mean, length)', 'reduce(std, length)']",
    "pooler": "write select(0) -> linear(width) -> tanh",
    "global_average_pooling": "write gap",
    "global_max_pooling": "write global_maxpool",
    "gmp": "write global_maxpool",
    "average_pooling": "write avgpool(2)",
    "max_pooling": "write maxpool(2)",
    "fractional_max_pool": f"{NONE}; adaptive_maxpool(output_size) has the same sizes",
    "lp_pool": f"{NONE}; avgpool(2) has the same sizes",
    "lp_normalization": UNIT,
    # --- norms ---
    "gamma": "write learned(size), joined by mul",
    "beta": "write learned(size), joined by add",
    "sync_bn": "write batchnorm: it has the same weights",
    "frozen_bn": "write batchnorm(freeze=true)",
    "ada_in": "write instance_norm(affine=false), then mul and add with what linear makes of the style",
    "standardize": f"{NONE}; layernorm(affine=false) makes the mean of the features 0, and their deviation 1",
    "minibatch_std": f"{NONE} that mixes samples of a batch; concat: [x, map], with an input of one channel",
    "bn": "write batchnorm",
    "ln": "write layernorm",
    "gn": "write group_norm(num_groups)",
    "in": "write instance_norm",
    "sync_batch_norm": "write batchnorm: it has the same weights",
    "frozen_batch_norm": "write batchnorm(freeze=true)",
    "batch_normalization": "write batchnorm",
    "layer_normalization": "write layernorm",
    "group_normalization": "write group_norm(num_groups)",
    "instance_normalization": "write instance_norm",
    "local_response_norm": "write lrn(5)",
    "cross_map_lrn": "write lrn(5)",
    "normalize": f"{NONE}; layernorm and rmsnorm learn scales; {UNIT}",
    "normalization": f"{NONE}; batchnorm and layernorm normalise by what arrives, scale(factor) by a number",
    "unit_normalization": UNIT,
    "l2_norm": UNIT,
    "l2_normalize": UNIT,
    "spectral_norm": SPECTRAL,
    "spectral_normalization": SPECTRAL,
    "weight_norm": SPECTRAL.replace("spectral", "weight"),
    # --- activations ---
    "act": "write the activation itself: relu",
    "activation_fn": "write the activation itself: relu",
    "nonlinearity": "write the activation itself: relu",
    "leaky": "write leaky_relu(0.2)",
    "gelu_new": "write gelu(approximate=tanh)",
    "gelu_fast": "write gelu(approximate=tanh)",
    "gate": "write mul: [x, gate], where the gate ends in sigmoid",
    "gating": "write mul: [x, gate], where the gate ends in sigmoid",
    "highway": "write mul: [layers, gate], mul: [prev, 'gate -> neg -> add_constant(1)'], and add of both",
    "gumbel": "write softmax: it has the same sizes",
    "activation": "write the activation itself: relu",
    "h_swish": "write hardswish",
    "hswish": "write hardswish",
    "h_sigmoid": "write hardsigmoid",
    "lrelu": "write leaky_relu(0.2)",
    "rrelu": "write leaky_relu(0.2292): its slope is random in training only",
    "quick_gelu": "write mul: [prev, 'scale(1.702) -> sigmoid']",
    "threshold": f"{NONE}; clamp(min, max) limits values",
    "hardshrink": f"{NONE}; relu has the same sizes",
    "softshrink": f"{NONE}; relu has the same sizes",
    "tanhshrink": "write sub: [prev, tanh]",
    "softmin": "write neg -> softmax",
    "entmax": f"{NONE}; sparsemax has the same sizes, and weights that can be 0, too",
    "shifted_softplus": "write softplus -> add_constant(-0.6931471805599453), which is -log(2)",
    "ws_conv": STANDARD,
    "std_conv": STANDARD,
    "weight_standardization": STANDARD,
    "weight_std": STANDARD,
    "scaled_std_conv": STANDARD.replace("=weight", "=scaled_weight"),
    "scaled_ws_conv": STANDARD.replace("=weight", "=scaled_weight"),
    "gumbel_softmax": "write softmax: it has the same sizes",
    "swiglu": "write mul: [linear(n) -> silu, linear(n)], then linear(width)",
    "geglu": "write mul: [linear(n) -> gelu, linear(n)], then linear(width)",
    "reglu": "write mul: [linear(n) -> relu, linear(n)], then linear(width)",
    "mlp": "write linear(4*width) -> gelu -> linear(width)",
    "ffn": "write linear(4*width) -> gelu -> linear(width)",
    "feed_forward": "write linear(4*width) -> gelu -> linear(width)",
    # --- reductions and functions ---
    "cosine": f"{UNIT}, both of them; then mul -> reduce(sum, channels); cos is the function of an angle",
    "distance": "write sub: [a, b], then reduce(norm, channels)",
    "euclidean": "write sub: [a, b], then reduce(norm, channels)",
    "euclidean_distance": "write sub: [a, b], then reduce(norm, channels)",
    "l2_distance": "write sub: [a, b], then reduce(norm, channels)",
    "l1_distance": "write sub: [a, b] -> abs -> reduce(sum, channels)",
    "dot_product": "write mul: [a, b], then reduce(sum, channels); matmul: [a, b] multiplies matrices",
    "inner_product": "write mul: [a, b], then reduce(sum, channels); Caffe's layer of that name is linear(units)",
    "outer_product": "write einsum: it names the axes of both",
    "kronecker": "write einsum: it names the axes of both",
    "kron": "write einsum: it names the axes of both",
    "mm": "write matmul: [a, b]",
    "mv": "write matmul: [a, b]",
    "tensordot": "write einsum: it names the axes of both",
    "gram": "write einsum(bchw, bdhw, bcd, other=x) of the map with itself",
    "gram_matrix": "write einsum(bchw, bdhw, bcd, other=x) of the map with itself",
    "add_n": "write add: [a, b, c]",
    "average_layers": "write add: [a, b], then scale(0.5)",
    "stddev": "write reduce(std, axes)",
    "variance": "write reduce(std, axes) -> square",
    **dict.fromkeys(
        (
            "fft",
            "ifft",
            "rfft",
            "irfft",
            "fft2",
            "rfft2",
            "dct",
            "stft",
            "istft",
            "fourier",
            "spectrogram",
            "mel",
            "mel_spectrogram",
            "mfcc",
            "wavelet",
            "dwt",
        ),
        SPECTRUM,
    ),
    "fourier_features": "write linear(n, bias=false, freeze=true), then concat: [sin, cos]",
    "nms": BOXES,
    "non_max_suppression": BOXES,
    "anchor": BOXES,
    "anchors": BOXES,
    "anchor_generator": BOXES,
    "unique": f"{NONE}: its size depends on values",
    "nonzero": f"{NONE}: its size depends on values",
    "to_float": "write cast(float32)",
    "mean": "write reduce(mean, axes)",
    "reduce_mean": "write reduce(mean, axes)",
    "sum": "write reduce(sum, axes); add: [a, b] adds two paths",
    "reduce_sum": "write reduce(sum, axes)",
    "reduce_max": "write reduce(max, axes)",
    "reduce_min": "write reduce(min, axes)",
    "amax": "write reduce(max, axes)",
    "amin": "write reduce(min, axes)",
    "max": "write reduce(max, axes); maximum: [a, b] compares two paths",
    "min": "write reduce(min, axes); minimum: [a, b] compares two paths",
    "std": "write reduce(std, axes)",
    "var": "write reduce(std, axes) -> square",
    "logsumexp": "write reduce(logsumexp, axes)",
    "reciprocal": "write pow(-1)",
    "average": "write add: [a, b], then scale(0.5)",
    "dot": "write matmul: [a, b]",
    "bmm": "write matmul: [a, b]",
    "baddbmm": "write matmul: [a, b], then add",
    "outer": "write einsum: it names the axes of both",
    "cosine_similarity": f"{UNIT}, both of them; then mul -> reduce(sum, channels)",
    "pairwise_distance": "write sub: [a, b], then reduce(norm, channels)",
    **dict.fromkeys(
        (
            "tan",
            "sinh",
            "cosh",
            "asin",
            "acos",
            "atan",
            "mod",
            "log1p",
            "expm1",
        ),
        ELEMENTS,
    ),
    "sqr": "write square",
    "inv": "write pow(-1)",
    "arg_min": "write neg -> argmax",
    "soft_argmax": "write softmax, then matmul with the positions",
    "hardmax": "write argmax: the place of the largest value",
    "reduce_l1": "write abs -> reduce(sum, axes)",
    "reduce_l2": "write reduce(norm, axes)",
    "prod": "write reduce(prod, axis)",
    "reduce_prod": "write reduce(prod, axis)",
    "product": "write reduce(prod, axis); mul: [a, b] multiplies two paths",
    "msort": "write sort(axis)",
    "kthvalue": "write topk(k) -> take(-1)",
    "median": "write sort(axis) -> take(n // 2, axis=...)",
    "argsort": f"{NONE}; sort(axis) orders the values themselves",
    "diagonal": DIAGONAL,
    "diag": DIAGONAL,
    "trace": f"{DIAGONAL}, twice",
    "lerp": "write add: [a, d], where d = mul: [w, difference] and difference = sub: [b, a]",
    "logit": "write sub: [log, neg -> add_constant(1) -> log]",
    **dict.fromkeys(TRANSFORMS, FOURIER),
    "reduce_sum_square": "write square -> reduce(sum, axes)",
    "one_minus": "write neg -> add_constant(1)",
    "masked_fill": "write mask(by=..., fill=...)",
    "scatter": f"{NONE}; gather(by=...) reads by index",
    "not": CONDITION,
    "and": CONDITION,
    "or": CONDITION,
    "xor": CONDITION,
    "greater": CONDITION,
    "less": CONDITION,
    "equal": CONDITION,
    "logical_not": CONDITION,
    "logical_and": CONDITION,
    "logical_or": CONDITION,
    # --- attention and sequences ---
    "msa": "write attention(heads)",
    "mhsa": "write attention(heads)",
    "mqa": "write grouped_attention(heads, 1)",
    "gqa_attention": "write grouped_attention(heads, kv_heads)",
    "cross_attn": "write cross_attention(heads, memory)",
    "non_local": "write tokens -> attention(1) -> untokens(height, width)",
    "non_local_block": "write tokens -> attention(1) -> untokens(height, width)",
    "retention": f"{NONE}; matmul: [scores, values], where mul: [scores, decay] replaces the softmax",
    "linear_attention": f"{NONE}; two products of matmul: keys with values, then queries with that",
    "posenc": "write position_embedding(length), or sinusoidal_positions(length)",
    "pos_enc": "write position_embedding(length), or sinusoidal_positions(length)",
    "pe": "write position_embedding(length), or sinusoidal_positions(length)",
    "time_embedding": "write sinusoidal_positions of the step, then linear -> silu -> linear",
    "embed": "write embedding(n, width) of ids, linear(width) of numbers",
    "sparse_moe": "write mixture(num_experts, top_k, hidden)",
    "router": "write mixture(num_experts, top_k, hidden): the router is part of it",
    "highway_network": "write mul: [layers, gate], mul: [prev, 'gate -> neg -> add_constant(1)'], and add of both",
    "transformer": BLOCK,
    "transformer_block": BLOCK,
    "encoder_layer": BLOCK,
    "decoder_layer": BLOCK,
    "transformer_encoder": BLOCK,
    "transformer_encoder_layer": BLOCK,
    "transformer_decoder": BLOCK,
    "transformer_decoder_layer": BLOCK,
    "mha": "write attention(heads)",
    "self_attention": "write attention(heads)",
    "multihead_attention": "write attention(heads), or cross_attention(heads, memory)",
    "multi_head_attention": "write attention(heads), or cross_attention(heads, memory)",
    "multi_head_attention_forward": "write attention(heads), or cross_attention(heads, memory)",
    "multi_query_attention": "write grouped_attention(heads, 1)",
    "group_query_attention": "write grouped_attention(heads, kv_heads)",
    "grouped_query_attention": "write grouped_attention(heads, kv_heads)",
    "scaled_dot_product_attention": "write {attend: [queries, keys, values], num_heads: 8}",
    "sdpa": "write {attend: [queries, keys, values], num_heads: 8}",
    "additive_attention": f"{NONE}; attention(heads) is the one of products",
    "rotary": "write rope(num_heads), or grouped_attention(heads, rope=10000)",
    "alibi": "write grouped_attention(heads, causal=true, alibi=true)",
    "moe": "write mixture(num_experts, top_k, hidden)",
    "mixture_of_experts": "write mixture(num_experts, top_k, hidden)",
    "experts": "write mixture(num_experts, top_k, hidden)",
    "rotary_embedding": "write rope(num_heads), or grouped_attention(heads, rope=10000)",
    "positional_encoding": "write position_embedding(length), or sinusoidal_positions(length)",
    "pos_embed": "write position_embedding(length), or sinusoidal_positions(length)",
    "cls_token": "write class_token",
    "patch_embed": "write conv(16, width, s16) -> tokens",
    "patch_embedding": "write conv(16, width, s16) -> tokens",
    "embedding_bag": "write embedding(n, width) -> reduce(mean, length)",
    "gru_cell": f"write gru(units); {STEP}",
    "lstm_cell": f"write lstm(units); {STEP}",
    "rnn_cell": f"write rnn(units); {STEP}",
    "simple_rnn": "write rnn(units)",
    "bi_lstm": "write lstm(units, bidirectional=true)",
    "bi_gru": "write gru(units, bidirectional=true)",
    "bidirectional": "write lstm(units, bidirectional=true)",
    "time_distributed": "leave it out: linear acts on every position of a sequence",
    "masking": "leave it out: a mask changes no sizes; attention takes mask=...",
    # --- regularisation ---
    "noise": "leave it out where it acts in training only; else it is an input, which add: [x, noise] joins",
    "stop_gradient": "write identity: it has the same sizes",
    "stop_grad": "write identity: it has the same sizes",
    "detach": "write identity: it has the same sizes",
    "straight_through": "write identity: it has the same sizes",
    "checkpoint": "leave it out: --checkpoint names the blocks that are run again",
    "remat": "leave it out: --checkpoint names the blocks that are run again",
    "reparameterize": "write gaussian_sample: [mean, logvar]",
    "reparametrize": "write gaussian_sample: [mean, logvar]",
    "sampling": "write gaussian_sample: [mean, logvar], or grid_sample to read a map at given places",
    "sample": "write gaussian_sample: [mean, logvar], or grid_sample to read a map at given places",
    "feature_alpha_dropout": "write alpha_dropout(p); it has the same sizes, and drops elements, not whole channels",
    "gaussian_dropout": "write dropout(p); it has the same sizes",
    "gaussian_noise": "leave it out: it acts in training only",
    "activity_regularization": "leave it out: it acts on the loss only",
    "drop_connect": "write drop_path(p); it has the same sizes",
    "drop_block": "write dropout(p); it has the same sizes",
    # --- structure ---
    "skip_connection": "write add: [layers, prev]",
    "residual_connection": "write add: [layers, prev]",
    "se": GATE,
    "se_block": GATE,
    "squeeze_excite": GATE,
    "squeeze_excitation": GATE,
    "eca": GATE,
    "cbam": GATE,
    "aspp": PARALLEL,
    "spp": PARALLEL,
    "inception": PARALLEL,
    "ppm": PARALLEL,
    "pyramid_pooling": PARALLEL,
    "psp": PARALLEL,
    **{
        name: f"it is a block, which you write under blocks: as `archcalc specs show {spec}` does"
        for spec, names in BLOCKS.items()
        for name in names
    },
    "einsum_dense": "write linear(units), or einsum with learned(size)",
    "input_layer": "leave it out: input: states the sizes",
    "shape": "sizes are numbers in expressions: conv1.channels, conv1.height",
    "size": "sizes are numbers in expressions: conv1.channels, conv1.height",
    "range": "write constant(values), or position_embedding(length) for learned positions",
    "loop": "write conv(3, c) for c in [64, 128], or relu * n for what is all alike",
    "scan": "write lstm, gru or selective_scan, or block * n for equal steps",
    "container": "write the layers with -> between them, or as a list",
    "blur_pool": "write avgpool(2); it has the same sizes",
    "gem": "write pow(3) -> gap -> pow(1/3)",
    "scatter_nd": f"{NONE}; gather(by=...) reads by index",
    "gather_nd": "write gather(by=...)",
    "gather_elements": "write gather(by=...)",
    "grouped_mm": "write mixture(num_experts, top_k, hidden), or einsum",
    "scaled_mm": "write matmul: [a, b]",
    "conv_1d_transpose": "write upconv(kernel_size, filters)",
    "conv_2d_transpose": "write upconv(kernel_size, filters)",
    "conv_3d_transpose": "write upconv(kernel_size, filters)",
    "bilinear": f"{NONE}; einsum multiplies features of two inputs; upsample(2, mode=bilinear) interpolates",
    "dense": "write linear(units)",
    "gemm": "write linear(units)",
    "fully_connected": "write fc(units)",
    "lambda": f"{NONE}; a spec computes with layers only",
    "sequential": "write the layers with -> between them, or as a list",
    "module_list": "write the layers with -> between them, or as a list",
    "residual": "write add: [layers, prev]",
    "skip": "write add: [layers, prev]",
    "shortcut": "write add: [layers, prev]",
    "merge": "write add: [a, b], or concat: [a, b]",
    "parameter": "write learned(size)",
    "noop": "write identity",
    "no_op": "write identity",
    "output": "leave it out: the last layer is the output; outputs: names others",
    "rescaling": "write scale(factor)",
    # --- losses ---
    "mse": LOSS,
    "mae": LOSS,
    "bce": LOSS,
    "kl": LOSS,
    "ctc": LOSS,
    "crf": f"{NONE}; the scores before it are the output, and learned([tags, tags]) holds its transitions",
    "dice": LOSS,
    "perplexity": LOSS,
    "cross_entropy": LOSS,
    "binary_cross_entropy": LOSS,
    "binary_cross_entropy_with_logits": LOSS,
    "linear_cross_entropy": LOSS,
    "adaptive_log_softmax_with_loss": LOSS,
    "kl_div": LOSS,
}
"""By name, in lower case, with _ between words and without a rank at the end."""


def part_of(name: str) -> str:
    """What to write for the name of a part of a network; empty if it is none.

    >>> part_of("lm_head")
    'it is the name of a part: write its layers, or define it under blocks:'
    >>> part_of("relu")
    ''
    """
    return PART if name.lower().replace("_", "").rstrip("0123456789") in PARTS else ""


@cache
def bare_meanings() -> Mapping[str, str]:
    """The meanings by names without what joins their words."""
    return {key.replace("_", ""): text for key, text in MEANINGS.items()}


def meaning_of(name: str) -> str:
    """What to write for a layer of another framework; empty if it is not known.

    >>> meaning_of("Dense"), meaning_of("SeparableConv2D")[:18], meaning_of("relu")
    ('write linear(units)', 'write conv(3, C, g', '')
    >>> meaning_of("conv3x3"), meaning_of("LazyBatchNorm2d")
    ('write conv(3, filters, p1)', '')
    """
    alike = bare_meanings()
    plain = name.rpartition(".")[2].lower().replace("_", "").removeprefix("lazy")
    if square := re.fullmatch(r"conv(?:2d)?(\d)x\1", plain):
        padding = f", p{int(square[1]) // 2}" if square[1] != "1" else ""
        return f"write conv({square[1]}, filters{padding})"
    found = alike.get(plain) or alike.get(plain.removesuffix("d").rstrip("123"), "")
    return found or (LOSS if plain.rstrip("123d").endswith("loss") else "")
