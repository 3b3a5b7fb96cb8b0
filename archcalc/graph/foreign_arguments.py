"""Arguments of other frameworks by their meaning: what to write here for a name of torch, Keras, JAX or a paper's code.

An argument that is spelt like one of ours may mean something else: `activation` is not `dilation`.
"""

from collections.abc import Collection, Mapping

from archcalc.core.diagnostic import closest

MEANT: Mapping[str, tuple[str, ...]] = {
    # --- sizes ---
    "units": ("out_features", "hidden_size"),
    "num_units": ("hidden_size", "out_features"),
    "hidden_units": ("hidden_size", "hidden_features"),
    "hidden_dim": ("hidden_size", "hidden_features"),
    "hidden": ("hidden_size", "hidden_features"),
    "output_dim": ("out_features", "embedding_dim"),
    "output_features": ("out_features",),
    "output_size": ("out_features", "size"),
    "output_shape": ("output_size", "size"),
    "filters": ("out_channels", "hidden_channels"),
    "features": ("out_channels", "out_features", "hidden_size", "embedding_dim"),
    "num_filters": ("out_channels",),
    "num_output": ("out_channels", "out_features"),
    "output_channels": ("out_channels",),
    "out_planes": ("out_channels",),
    "channels": ("out_channels",),
    "vocab": ("num_embeddings",),
    "vocab_size": ("num_embeddings",),
    "num_words": ("num_embeddings",),
    "input_dim": ("num_embeddings",),
    "embed_dim": ("embedding_dim",),
    "max_len": ("length",),
    "max_length": ("length",),
    "seq_len": ("length",),
    # --- windows ---
    "kernel": ("kernel_size",),
    "pool_size": ("kernel_size",),
    "filter_size": ("kernel_size",),
    "window": ("kernel_size", "window_size"),
    "size": ("scale_factor", "kernel_size", "output_size"),
    "strides": ("stride",),
    "dilation_rate": ("dilation",),
    "dilations": ("dilation",),
    "scale": ("scale_factor", "factor", "upscale_factor"),
    "factor": ("scale_factor", "upscale_factor", "downscale_factor"),
    "block_size": ("upscale_factor", "downscale_factor"),
    "blocksize": ("upscale_factor", "downscale_factor"),
    "interpolation": ("mode",),
    "group": ("groups", "num_groups"),
    "groups": ("num_groups",),
    "num_groups": ("groups",),
    # --- axes ---
    "dim": ("axis", "axes"),
    "dims": ("axes", "axis"),
    "axes": ("axis",),
    "axis": ("axes",),
    "keepdim": ("keep", "keepdim"),
    "keepdims": ("keep", "keepdim"),
    "start": ("begin",),
    "stop": ("end",),
    "shifts": ("shift",),
    "repeats": ("n",),
    "multiples": ("n",),
    # --- attention and sequences ---
    "heads": ("num_heads",),
    "n_heads": ("num_heads",),
    "n_head": ("num_heads",),
    "nhead": ("num_heads",),
    "num_attention_heads": ("num_heads",),
    "kv_heads": ("num_kv_heads",),
    "n_kv_heads": ("num_kv_heads",),
    "num_key_value_heads": ("num_kv_heads",),
    "key_dim": ("head_dim",),
    "is_causal": ("causal",),
    "use_causal_mask": ("causal",),
    "attn_mask": ("mask",),
    "attention_mask": ("mask",),
    "rope_theta": ("rope",),
    "sliding_window": ("window",),
    "n_layers": ("num_layers",),
    # --- the rest ---
    "use_bias": ("bias",),
    "activation": ("act",),
    "nonlinearity": ("act",),
    "normalization": ("norm",),
    "norm_layer": ("norm",),
    "rate": ("p",),
    "drop_prob": ("p",),
    "drop_rate": ("p",),
    "prob": ("p",),
    "alpha": ("negative_slope", "init"),
    "slope": ("negative_slope",),
    "epsilon": ("eps",),
    "layer_norm_eps": ("eps",),
    "elementwise_affine": ("affine",),
    "min_value": ("min_val", "min"),
    "max_value": ("max_val", "max"),
    "bias": ("affine",),
    "tie_weights": ("tie",),
    "recurrent_dropout": ("dropout",),
    "return_sequences": ("returns",),
    "initial_state": ("state",),
    "hx": ("state",),
    "return_state": ("returns",),
}
"""What an argument may mean, in the order of preference: the first that a call takes."""

NOTHING = "leave it out: it changes no number here"

JOINED = 'flatten joins all axes but the batch; for some of them, write rearrange("b c h w -> b c (h w)", last)'

STATE = "one vector is the state, h of all layers and then c: concat: [h, c] under a name, and state=name"

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("h0", "c0", "h_0", "c_0"), STATE),
    "inplace": "leave it out: a layer never overwrites its input here",
    "padding_mode": "the padding is zeros; write pad(n, mode=reflect) in front of the layer for another",
    "depth_multiplier": "write conv(3, m*C, groups=C), where C is the number of channels of the input",
    "data_format": "leave it out; channels_last: true beside layers: reads maps with the channels last",
    "batch_first": "leave it out: the batch always comes first",
    "start_dim": JOINED,
    "end_dim": JOINED,
    "return_indices": "leave it out: unpool(of=...) finds the places of the maxima",
    "divisor_override": "leave it out, and multiply the output: scale(factor)",
    "track_running_stats": "leave it out: batchnorm has running statistics, instance_norm has none",
    "align_corners": "write resize(scale_factor=2, mode=bilinear, align_corners=true)",
    "input_shape": "leave it out: sizes come from the input of the network",
    "batch_input_shape": "leave it out: sizes come from the input of the network",
    "input_length": "leave it out: sizes come from the input of the network",
    "dim": "leave it out: it acts on the features; rearrange puts another axis in their place",
    "name": "label the layer instead: name = conv(3, 64)",
    "trainable": "write freeze=true for a layer that is not trained",
    "device": "leave it out; `archcalc verify --device` chooses it",
    "dtype": "leave it out; --dtype chooses it for the network, and cast(dtype) within it",
    "dropout": "write dropout(p) as a layer of its own",
    **dict.fromkeys(
        ("max_norm", "norm_type", "scale_grad_by_freq", "sparse", "recompute_scale_factor", "threshold", "momentum"),
        NOTHING,
    ),
}
"""What to write where no argument of the call has the meaning."""

BARE: Mapping[str, str] = {
    "flatten": JOINED,
    "transpose": 'it swaps tokens and features; rearrange("b c h w -> b h c w", last) puts any axes in another order',
}
"""What to write for arguments by position of a layer that takes none."""

UNCOUNTED = ("_initializer", "_regularizer", "_constraint", "_init", "_wd")
"""Ends of arguments that say how weights are trained, not how many there are."""


def meant(word: str, known: Collection[str], elsewhere: bool = False) -> str:
    """The argument that a call takes for one that it does not: by meaning, or by spelling; empty if there is none.

    `elsewhere`: there is other advice on this word, so that spelling is no reason.

    >>> meant("filters", ["kernel_size", "out_channels"]), meant("activation", ["dilation", "act"])
    ('out_channels', 'act')
    >>> meant("fliters", ["filters"]), meant("padding_mode", ["padding"], elsewhere=True)
    ('filters', '')
    """
    found = next((each for each in MEANT.get(word, ()) if each in known), "")
    return found or ("" if elsewhere else closest(word, known))


def advice(word: str) -> str:
    """What to write instead of an argument of another framework that has no other name here; empty if it is not known.

    >>> advice("kernel_initializer"), advice("strid")
    ('leave it out: it changes no number here', '')
    """
    return NOTHING if word.endswith(UNCOUNTED) else ELSEWHERE.get(word, "")


def suggested(word: str, known: Collection[str], of_layer: bool = True) -> str:
    """What to write for an argument that a call does not take; empty if nothing is known.

    `of_layer`: of a layer, rather than of a block, whose arguments no framework knows.

    >>> suggested("units", ["out_features"]), suggested("padding_mode", ["padding"], of_layer=False)
    ("did you mean 'out_features'?", "did you mean 'padding'?")
    """
    advised = advice(word) if of_layer else ""
    close = meant(word, known, bool(advised))
    return f"did you mean '{close}'?" if close else advised
