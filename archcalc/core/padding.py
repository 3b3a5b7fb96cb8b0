"""Padding as specs write it: a number, one per axis, (begin, end) per axis, or a rule by name."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from archcalc.core.condition import Requirement
from archcalc.core.dim import Dim, PerAxis, ceil_div, is_number, maximum, per_axis

Pair: TypeAlias = tuple[Dim, Dim]
Padding: TypeAlias = Dim | str | tuple[Dim | Pair, ...]

RULES = ("same", "same_upper", "same_lower", "full", "valid")
"""`same` keeps the size at stride 1: d(k-1)/2, odd kernels only. `same_upper` and `same_lower` are TensorFlow's and
ONNX's: ceil(n/s) outputs; an odd element of padding goes to the end or to the beginning. `full` is d(k-1): every
overlap."""

FOLLOW_SIZE = ("same_upper", "same_lower")
"""Rules whose padding depends on the input's size. A module for several sizes cannot use them."""


def pads(
    padding: Padding, spatial: tuple[Dim, ...], kernel: PerAxis, stride: PerAxis = 1, dilation: PerAxis = 1
) -> tuple[Pair, ...]:
    """(begin, end) for each spatial axis.

    Sources: Dumoulin & Visin 2016, arXiv:1603.07285, relationships 3 and 4 (half and full padding); tf.nn.convolution
    and ONNX Conv `auto_pad` (same_upper, same_lower).

    >>> pads("same", (8, 8), (3, 5)), pads("same_upper", (8,), 3, 2), pads(1, (8,), 3), pads(((0, 2),), (8,), 3)
    (((1, 1), (2, 2)), ((0, 1),), ((1, 1),), ((0, 2),))
    """
    rank = len(spatial)
    if not isinstance(padding, str):
        return tuple(each if isinstance(each, tuple) else (each, each) for each in _spread(padding, rank))
    axes = zip(spatial, per_axis(kernel, rank), per_axis(stride, rank), per_axis(dilation, rank), strict=True)
    return tuple(_ruled(padding, n, d * (k - 1), s) for n, k, s, d in axes)


def _spread(padding: Dim | tuple[Dim | Pair, ...], rank: int) -> tuple[Dim | Pair, ...]:
    return padding if isinstance(padding, tuple) else (padding,) * rank


def _ruled(rule: str, n: Dim, reach: Dim, stride: Dim) -> Pair:
    """The pair of a named rule for a kernel that reaches `reach` elements beyond its first tap."""
    match rule:
        case "valid":
            return 0, 0
        case "full":
            return reach, reach
        case "same":
            return reach // 2, reach // 2
    total = (ceil_div(n, stride) - 1) * stride + reach + 1 - n
    if not (is_number(stride, reach) and stride <= reach + 1):  # otherwise it cannot be below 0
        total = maximum(total, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if rule == "same_upper" else (more, less)


def symmetric(padding: tuple[Pair, ...]) -> bool:
    """Whether the padding of every axis is the same at both ends, as torch's modules require."""
    return all(begin == end for begin, end in padding)


def torch_pad(padding: tuple[Pair, ...]) -> tuple[Dim, ...]:
    """The same padding in the order of `torch.nn.functional.pad`: last axis first.

    >>> torch_pad(((1, 2), (3, 4)))
    (3, 4, 1, 2)
    """
    return tuple(n for pair in reversed(padding) for n in pair)


def in_modules(padding: tuple[Pair, ...]) -> Dim | tuple[Dim, ...] | None:
    """The padding as an argument of torch's modules: one amount, or one per axis; None if it is not symmetric.

    >>> in_modules(((3, 3), (3, 3))), in_modules(((0, 0), (3, 3))), in_modules(((0, 1),))
    (3, (0, 3), None)
    """
    if not symmetric(padding):
        return None
    begins = tuple(begin for begin, _ in padding)
    return begins[0] if len(set(begins)) == 1 else begins


def amounts(padding: Padding) -> tuple[Dim, ...]:
    """Every amount that is stated as a number; empty for a rule.

    >>> amounts(((1, 2), 3)), amounts("same")
    ((1, 2, 3), ())
    """
    if isinstance(padding, str):
        return ()
    each = padding if isinstance(padding, tuple) else (padding,)
    return tuple(n for amount in each for n in (amount if isinstance(amount, tuple) else (amount,)))


def same_is_even(padding: Padding, kernel: Sequence[Dim], dilation: Sequence[Dim]) -> Iterator[Requirement]:
    """`same` pads both ends equally, so d(k - 1) must be even.

    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationship 3: half padding is for odd kernels.

    >>> list(same_is_even("same", (4,), (1,)))[0][1]
    'padding: same cannot keep the size with an even kernel: 1*(4 - 1)/2 = 1.5 at each end; use same_upper'
    """
    if padding == "same":
        for k, d in zip(kernel, dilation, strict=True):
            half = f"{d}*({k} - 1)/2 = {d * (k - 1) // 2}.5 at each end"
            yield (
                d * (k - 1) % 2 == 0,
                f"padding: same cannot keep the size with an even kernel: {half}; use same_upper",
            )
