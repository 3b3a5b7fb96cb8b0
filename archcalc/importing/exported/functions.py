"""Operators of torch by the functions that people call: rules of lowering know these."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from archcalc.importing.exported.file import Node

SIZES: Mapping[str, Callable[..., Any]] = {
    **{f"_operator.{name}": getattr(operator, name) for name in (
        "add", "sub", "mul", "floordiv", "mod", "truediv", "neg", "pow", "eq", "ne", "lt", "le", "gt", "ge", "and_",
        "or_", "getitem",
    )},
    **{f"math.{name}": getattr(math, name) for name in ("floor", "ceil", "trunc")},
    "torch.sym_max": max, "torch.sym_min": min, "torch.sym_not": operator.not_, "torch.sym_float": float,
    "torch.sym_int": int,
}  # fmt: skip
"""Arithmetic with sizes."""


def batch_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float, _: bool
) -> Tensor:
    return F.batch_norm(x, mean, variance, weight, bias, training, momentum, eps)


def embedding(weight: Tensor, ids: Tensor, padding_idx: int = -1, *_: Any) -> Tensor:
    return F.embedding(ids, weight, None if padding_idx == -1 else padding_idx)


def sliced(x: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    index = [slice(None)] * x.dim()
    index[dim] = slice(start, None if end is not None and end >= x.shape[dim] else end, step)
    return x[tuple(index)]


def indexed(x: Tensor, indices: list[Tensor | None]) -> Tensor:
    return x[tuple(slice(None) if each is None else each for each in indices)]


def resized(mode: str, corners: bool) -> Callable[..., Tensor]:
    def resize(x: Tensor, size: Any, *rest: Any) -> Tensor:
        scale = rest[-1]
        given = {"align_corners": bool(rest[0])} if corners else {}
        if scale is not None:
            return F.interpolate(x, scale_factor=list(scale), mode=mode, **given)
        return F.interpolate(x, size=list(size), mode=mode, **given)

    return resize


def recurrent(name: str) -> Callable[..., Any]:
    """A state of the batch that the file has becomes one of the batch of the run."""

    def run(
        x: Tensor, state: Any, params: Any, biases: bool, layers: int, drop: float, train: bool, both: bool, first: bool
    ) -> Any:
        batch = x.shape[0 if first else 1]
        states = [each if each.shape[1] == batch else each[:, :1].expand(-1, batch, -1) for each in listed(state)]
        given = states if isinstance(state, list) else states[0]
        return getattr(torch, name)(x, given, params, biases, layers, drop, train, both, first)

    return run


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def pooled(name: str) -> Callable[..., Tensor]:
    def pool(x: Tensor, kernel: Any, stride: Any = (), *rest: Any, **keywords: Any) -> Tensor:
        found: Tensor = getattr(F, name)(x, kernel, stride or None, *rest, **keywords)
        return found

    return pool


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    more: Any,
    groups: int,
) -> Tensor:
    rank = len(stride)
    if transposed:
        found: Tensor = getattr(F, f"conv_transpose{rank}d")(x, weight, bias, stride, padding, more, groups, dilation)
    else:
        found = getattr(F, f"conv{rank}d")(x, weight, bias, stride, padding, dilation, groups)
    return found


PUBLIC: Mapping[str, Callable[..., Any]] = {
    "batch_norm": batch_norm,
    "view": Tensor.reshape,  # a batch of one can be viewed in more ways than a larger one
    "convolution": convolution,
    "embedding": embedding,
    "slice": sliced,
    "index": indexed,
    "sym_size": lambda x, dim: x.shape[dim],
    "sym_numel": lambda x: x.numel(),
    "layer_norm": lambda x, shape, weight=None, bias=None, eps=1e-5, *_: F.layer_norm(x, shape, weight, bias, eps),
    "group_norm": lambda x, groups, weight=None, bias=None, eps=1e-5, *_: F.group_norm(x, groups, weight, bias, eps),
    "dropout": lambda x, p, training: F.dropout(x, p, training),
    "upsample_nearest2d": resized("nearest", corners=False),
    "upsample_nearest1d": resized("nearest", corners=False),
    "upsample_bilinear2d": resized("bilinear", corners=True),
    "upsample_bicubic2d": resized("bicubic", corners=True),
    **{name: pooled(name) for name in (
        "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    )},
    **{name: getattr(F, name) for name in (
        "relu", "relu_", "gelu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh",
        "hardtanh_", "leaky_relu", "leaky_relu_", "elu", "elu_", "selu", "selu_", "softplus", "linear", "conv1d",
        "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "adaptive_avg_pool1d",
        "adaptive_avg_pool2d", "adaptive_avg_pool3d", "scaled_dot_product_attention", "pad", "glu", "prelu",
        "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "rms_norm",
    )},
    **{name: getattr(Tensor, name) for name in (
        "reshape", "expand", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze", "chunk",
        "split", "unbind", "select", "narrow", "mean", "add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_",
        "pow", "contiguous", "clone", "detach", "matmul", "bmm", "roll", "repeat", "t", "sigmoid", "sigmoid_", "tanh",
        "exp", "sqrt", "rsqrt", "neg", "abs", "sum", "sin", "cos", "log", "clamp", "clamp_min", "clamp_max", "softmax",
        "log_softmax", "movedim", "repeat_interleave", "masked_fill",
    )},
    "cat": torch.cat, "stack": torch.stack, "addmm": torch.addmm, "mm": torch.matmul, "einsum": torch.einsum,
    "where": torch.where, "_softmax": lambda x, dim, _: torch.softmax(x, dim),
    "split_with_sizes": lambda x, sizes, dim=0: torch.split(x, sizes, dim), "lstm": recurrent("lstm"),
    "gru": recurrent("gru"), "rnn_tanh": recurrent("rnn_tanh"),
}  # fmt: skip
"""The function for an operator, where rules know one with its arguments in this order."""

FACTORIES = frozenset((
    "arange", "zeros", "ones", "full", "empty", "eye", "linspace", "scalar_tensor", "tril_indices", "triu_indices",
    "rand", "randn",
))  # fmt: skip
"""Operators that may make a tensor of none."""


def function_of(node: Node) -> Callable[..., Any] | None:
    """What a node calls; None if it is neither arithmetic with sizes nor an operator of torch itself."""
    if node.target in SIZES:
        return SIZES[node.target]
    parts = node.target.removeprefix("torch.ops.").split(".")
    if len(parts) != 3 or parts[0] != "aten" or not node.target.startswith("torch.ops."):
        return None
    _, name, overload = parts
    if name in PUBLIC:
        return PUBLIC[name]
    found = getattr(getattr(torch.ops.aten, name, None), overload, None)
    if not isinstance(found, torch._ops.OpOverload):
        return None
    reads = any("Tensor" in str(each.type) for each in found._schema.arguments)
    return found if reads or name in FACTORIES else None
