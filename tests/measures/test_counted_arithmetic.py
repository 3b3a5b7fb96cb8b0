"""Compares arithmetic by kind with naive kernels that count every operation and whose results equal torch's."""

from typing import Any

import pytest
import torch

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.volume import Volume, flat, grid, image, tokens
from archcalc.layer import LAYERS, Reference
from tests.measures.counting import COUNTED, KERNELS, numbers
from tests.torch_oracle import applied

Given = dict[str, Any]

ENCODER = Reference("encoder")

CASES: tuple[tuple[str, Given, Volume | tuple[Volume, ...]], ...] = (
    ("conv", dict(out_channels=4, kernel_size=3, stride=2, padding=1), image(3, 7, 6, batch=2)),
    ("conv", dict(out_channels=4, kernel_size=(2, 3), padding="same_upper", groups=2, bias=False), image(4, 5, 6)),
    ("conv", dict(out_channels=2, kernel_size=3, padding="full", dilation=2), image(2, 6)),
    ("conv", dict(out_channels=2, kernel_size=2, padding=((1, 0), 1, 0)), image(1, 3, 4, 3)),
    ("upconv", dict(out_channels=3, kernel_size=3, stride=2, padding=1, output_padding=1), image(2, 3, 4, batch=2)),
    ("upconv", dict(out_channels=4, kernel_size=2, stride=3, groups=2, bias=False), image(4, 3, 3)),
    ("upconv", dict(out_channels=2, kernel_size=3, dilation=2, bias=False), image(2, 5)),
    (
        "upconv",
        dict(out_channels=2, kernel_size=(2, 3), stride=(1, 3), padding=(0, 1), dilation=(3, 2)),
        image(1, 4, 5),
    ),
    ("locally_connected", dict(out_channels=3, kernel_size=2, stride=2, padding=1), image(2, 4, 5, batch=2)),
    ("locally_connected", dict(out_channels=2, kernel_size=3, dilation=2, bias=False), image(2, 9)),
    ("table_conv", dict(kernel_size=2, table=((0, 1), (2,), (0, 1, 2))), image(3, 4, 5, batch=2)),
    ("table_conv", dict(kernel_size=2, table=((0,), (1, 0)), padding=1, stride=2, bias=False), image(2, 4, 5)),
    ("filter_bank_conv", dict(out_channels=2, kernel_size=3, order=2, padding=1), image(2, 4, 5, batch=2)),
    ("filter_bank_conv", dict(out_channels=3, kernel_size=5, order=0, sigma=0.7, bias=False), image(2, 6, 5)),
    ("maxpool", dict(kernel_size=3, stride=2, padding=1), image(2, 7, 8, batch=2)),
    ("maxpool", dict(kernel_size=2, stride=3, ceil_mode=True), image(2, 9, 8)),
    ("maxpool", dict(kernel_size=(2, 3), stride=1, padding=1, dilation=(2, 1)), image(1, 1, 5)),
    ("maxpool", dict(kernel_size=3, stride=2, padding="same_upper"), image(2, 6)),
    ("avgpool", dict(kernel_size=3, stride=2, padding=1), image(2, 6, 7, batch=2)),
    ("avgpool", dict(kernel_size=3, stride=2, padding=1, count_include_pad=False, ceil_mode=True), image(2, 6, 7)),
    ("avgpool", dict(kernel_size=3, stride=2, padding=1, ceil_mode=True), image(2, 6, 7)),
    ("avgpool", dict(kernel_size=2, stride=1, padding=((0, 1),)), image(2, 5)),
    ("adaptive_avgpool", dict(output_size=(2, 4)), image(2, 5, 3, batch=2)),
    ("adaptive_maxpool", dict(output_size=3), image(2, 7, batch=2)),
    ("subsampling", dict(kernel_size=2), image(3, 4, 6, batch=2)),
    ("subsampling", dict(kernel_size=(2, 3), stride=1), image(2, 4, 5)),
    ("global_avgpool", {}, image(3, 4, 5, batch=2)),
    ("global_maxpool", dict(keepdim=True), image(3, 7, batch=2)),
    ("upsample", dict(scale_factor=(2, 3)), image(2, 3, 2, batch=2)),
    ("upsample", dict(scale_factor=3, mode="linear"), image(2, 4)),
    ("upsample", dict(scale_factor=(2, 3), mode="bilinear"), image(2, 3, 2, batch=2)),
    ("upsample", dict(scale_factor=2, mode="trilinear"), image(1, 2, 3, 2)),
    ("resize", dict(size=(5, 2)), image(2, 3, 4, batch=2)),
    ("resize", dict(scale_factor=1.7, mode="linear"), image(2, 4)),
    ("resize", dict(size=(5, 2), mode="bilinear"), image(2, 3, 4, batch=2)),
    ("resize", dict(size=(5, 7), mode="bicubic"), image(2, 3, 4)),
    ("resize", dict(size=(2, 7), mode="bicubic", antialias=True), image(1, 5, 4)),
    ("resize", dict(scale_factor=0.6, mode="bilinear", antialias=True), image(1, 5, 4)),
    ("resize", dict(size=(2, 5, 1), mode="trilinear", align_corners=True), image(1, 3, 2, 2)),
    ("linear", dict(out_features=3, flatten=True), image(2, 3, batch=2)),
    ("linear", dict(out_features=3, bias=False), tokens(4, 5, batch=2)),
    ("maxout", dict(out_features=3, pieces=4), tokens(2, 5, batch=2)),
    ("maxout", dict(out_features=2, bias=False), image(2, 3)),
    ("channel_maxpool", dict(pieces=3), image(6, 2, 2, batch=2)),
    ("channel_maxpool", dict(pieces=2), tokens(3, 4)),
    ("rbf", dict(out_features=3), flat(5, batch=2)),
    ("rbf", dict(out_features=3, bias=False), flat(4)),
    ("batchnorm", {}, image(3, 2, 4, batch=2)),
    ("batchnorm", dict(affine=False, eps=0.1), flat(4, batch=2)),
    ("layernorm", {}, image(3, 2, 4, batch=2)),
    ("layernorm", dict(over="all", eps=0.1), image(3, 4, batch=2)),
    ("layernorm", dict(bias=False), tokens(4, 5)),
    ("layernorm", dict(elementwise_affine=False), flat(5, batch=2)),
    ("group_norm", dict(num_groups=2), image(4, 2, 3, batch=2)),
    ("group_norm", dict(num_groups=1, affine=False), flat(5, batch=2)),
    ("instance_norm", {}, image(3, 2, 4, batch=2)),
    ("instance_norm", dict(affine=True, eps=0.1), image(2, 5, batch=2)),
    ("rmsnorm", {}, tokens(4, 5)),
    ("rmsnorm", dict(elementwise_affine=False, eps=0.1), image(3, 2, 2, batch=2)),
    ("softmax", {}, image(4, 2, 3, batch=2)),
    ("softmax", {}, tokens(4, 5)),
    ("lrn", dict(size=3), image(5, 2, 3, batch=2)),
    ("lrn", dict(size=4, alpha=0.1, beta=0.5, k=2.0), image(6, 2)),
    ("relu", {}, image(2, 3, 2)),
    ("leaky_relu", dict(negative_slope=0.2), flat(7, batch=2)),
    ("scaled_tanh", {}, flat(7, batch=2)),
    ("relu6", {}, image(2, 3, 2)),
    ("hardsigmoid", {}, flat(9, batch=2)),
    ("hardswish", {}, flat(9, batch=2)),
    ("prelu", dict(num_parameters=3), image(3, 2, 2)),
    ("prelu", {}, flat(7, batch=2)),
    ("gelu", {}, tokens(3, 4)),
    ("gelu", dict(approximate="tanh"), flat(7, batch=2)),
    ("silu", {}, image(2, 3)),
    ("softplus", {}, flat(7, batch=2)),
    ("softplus", dict(beta=2.0), image(2, 3)),
    ("mish", {}, flat(7, batch=2)),
    ("selu", {}, flat(7, batch=2)),
    ("glu", {}, image(4, 2, 3, batch=2)),
    ("glu", {}, tokens(3, 6)),
    ("layer_scale", dict(init=0.5), image(3, 2, 2, batch=2)),
    ("grn", {}, image(3, 2, 2, batch=2)),
    ("grn", dict(eps=0.1), tokens(4, 3, batch=2)),
    ("elu", dict(alpha=0.5), flat(7, batch=2)),
    ("position_embedding", {}, tokens(4, 3, batch=2)),
    ("position_embedding", dict(length=6), tokens(4, 3, batch=2)),
    ("sinusoidal_positions", dict(length=6), tokens(4, 4, batch=2)),
    ("scale", dict(power=-0.5), tokens(4, 3, batch=2)),
    ("attention", dict(num_heads=2), tokens(4, 6, batch=2)),
    ("attention", dict(num_heads=3, bias=False), tokens(5, 6)),
    ("mixture", dict(num_experts=4, top_k=2, hidden_features=8), tokens(5, 4, batch=2)),
    (
        "mixture",
        dict(num_experts=5, top_k=1, hidden_features=4, norm_topk_prob=False, gated=False, act="relu"),
        tokens(4, 4),
    ),
    (
        "mixture",
        dict(
            num_experts=8,
            top_k=3,
            hidden_features=4,
            scoring="sigmoid",
            n_group=4,
            topk_group=2,
            routed_scaling_factor=2.5,
            shared_experts=2,
            act="gelu",
        ),
        tokens(5, 4),
    ),
    (
        "mixture",
        dict(
            num_experts=4,
            top_k=2,
            hidden_features=4,
            scoring="sigmoid",
            norm_topk_prob=False,
            shared_experts=1,
            shared_features=3,
            gated=False,
        ),
        tokens(3, 4),
    ),
    (
        "latent_attention",
        dict(
            num_heads=2,
            kv_lora_rank=5,
            q_lora_rank=6,
            qk_nope_head_dim=3,
            qk_rope_head_dim=4,
            v_head_dim=2,
            rope=10.0,
        ),
        tokens(4, 6, batch=2),
    ),
    (
        "latent_attention",
        dict(num_heads=3, kv_lora_rank=4, qk_nope_head_dim=2, qk_rope_head_dim=2, v_head_dim=2),
        tokens(3, 5),
    ),
    ("lstm", dict(hidden_size=3), tokens(4, 5, batch=2)),
    ("lstm", dict(hidden_size=3, num_layers=2, bidirectional=True, bias=False, returns="last"), tokens(3, 2)),
    ("lstm", dict(hidden_size=4, num_layers=2, proj_size=2), tokens(3, 2)),
    ("lstm", dict(hidden_size=3, num_layers=2, bidirectional=True, returns="state"), tokens(3, 2, batch=2)),
    (
        "lstm",
        dict(hidden_size=4, num_layers=2, proj_size=2, bidirectional=True, returns="state", state=ENCODER),
        (tokens(3, 2, batch=2), flat(24, batch=2)),
    ),
    ("lstm", dict(hidden_size=3, num_layers=2, state=ENCODER), (tokens(3, 2), flat(12))),
    ("gru", dict(hidden_size=3, num_layers=2, bidirectional=True), tokens(3, 2, batch=2)),
    (
        "gru",
        dict(hidden_size=3, num_layers=2, bidirectional=True, returns="state", state=ENCODER),
        (tokens(3, 2), flat(12)),
    ),
    ("gru", dict(hidden_size=3, bias=False, returns="last"), tokens(3, 2)),
    ("rnn", dict(hidden_size=3, num_layers=2, returns="last"), tokens(3, 2, batch=2)),
    ("rnn", dict(hidden_size=3, bidirectional=True, nonlinearity="relu", bias=False), tokens(3, 2)),
    ("rnn", dict(hidden_size=3, bidirectional=True, returns="last", state=ENCODER), (tokens(3, 2), flat(6))),
    ("attention", dict(num_heads=2, causal=True), tokens(5, 4, batch=2)),
    ("grouped_attention", dict(num_heads=4, num_kv_heads=2, causal=True, rope=100.0), tokens(5, 16, batch=2)),
    ("grouped_attention", dict(num_heads=3, num_kv_heads=1, head_dim=4, qkv_bias=True, rope=10.0), tokens(4, 6)),
    ("grouped_attention", dict(num_heads=2, causal=True, window=2, out_bias=True), tokens(5, 4)),
    ("grouped_attention", dict(num_heads=4, causal=True, alibi=True), tokens(5, 8)),
    ("grouped_attention", dict(num_heads=4, num_kv_heads=2, qk_norm=0.1, rope=10.0), tokens(3, 8, batch=2)),
    ("grouped_attention", dict(num_heads=2, num_kv_heads=1, rope=10.0, rotary_dim=2, scale=0.3), tokens(3, 8)),
    ("grouped_attention", dict(num_heads=2, num_kv_heads=1, qk_norm=0.1, qk_norm_over="all"), tokens(3, 8)),
    ("grouped_attention", dict(num_heads=2, qkv_bias=True, k_bias=False), tokens(3, 4)),
    ("grouped_attention", dict(num_heads=2, window=3), tokens(5, 4)),
    ("grouped_attention", dict(num_heads=4, num_kv_heads=2, causal=True, window=2, softcap=0.5), tokens(4, 8)),
    ("window_attention", dict(window_size=2, num_heads=2), grid(2, 4, 4, batch=2)),
    ("window_attention", dict(window_size=3, num_heads=1, shift_size=1, bias=False), grid(4, 3, 2)),
    ("window_attention", dict(window_size=2, num_heads=2, shift_size=1), grid(3, 4, 2)),
)


@pytest.mark.parametrize(("name", "given", "x"), CASES)
def test_arithmetic_equals_the_counts_of_a_naive_kernel(
    name: str, given: Given, x: Volume | tuple[Volume, ...]
) -> None:
    torch.manual_seed(0)
    layer, xs = LAYERS[name](**given), x if isinstance(x, tuple) else (x,)
    assert all(holds for holds, _ in layer.requires(*xs))
    y, made = layer.shape(*xs), applied(layer, xs, "cpu").double()
    values = [torch.randn(x.shape, dtype=torch.float64) for x in xs]
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    for name_of, buffer in made.named_buffers():
        if "running" in name_of:
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    kept = made.it.state_dict() if made.it is not None else {}
    weights = {key: numbers(tensor) for key, tensor in kept.items() if tensor.dim()}

    elements = [numbers(each) for each in values]
    COUNTED.clear()
    computed = KERNELS[name](layer, xs[0], y, weights, *elements)
    counted = dict(COUNTED)

    expected = made(*values)
    assert {index: number.value for index, number in computed.items()} == pytest.approx(
        {index: number.value for index, number in numbers(expected).items()}
    )
    ops = layer.ops(y, *xs)
    stated = dict(
        mul=ops.mac + ops.mul,
        add=ops.mac - ops.sums + ops.bias + ops.add,
        **{kind: getattr(ops, kind) for kind in ("compare", "div", "root", "exp", "power")},
    )
    assert {kind: count for kind, count in stated.items() if count} == counted


def test_every_kernel_is_used() -> None:
    assert {name for name, _, _ in CASES} == KERNELS.keys()
